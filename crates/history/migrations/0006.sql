-- How items stand to each other, as people declare it: `to_idx` is what stands to `from_idx`. One
-- relation a pair; what comes later replaces it.
CREATE TABLE relation (
    from_idx INTEGER NOT NULL,
    to_idx INTEGER NOT NULL,
    relation INTEGER NOT NULL,
    source TEXT NOT NULL,
    note TEXT,
    valid_from_us INTEGER,
    valid_until_us INTEGER,
    PRIMARY KEY (from_idx, to_idx)
) WITHOUT ROWID;
-- Rises with each change of relations; services follow it.
INSERT INTO counter (name, value) VALUES ('relations', 0);
