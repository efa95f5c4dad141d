-- Orders of which an import set rows aside, so that mended rows join what is there. An empty key
-- stands for rows whose order could not be told.
CREATE TABLE incomplete_order (
    source TEXT NOT NULL,
    order_key BLOB NOT NULL,
    n_rejected INTEGER NOT NULL,
    -- Digest of the version without those rows; 0: none of its rows was taken.
    base_digest INTEGER NOT NULL,
    -- Hashes of the mended rows that came since, little-endian u64.
    additions BLOB NOT NULL,
    PRIMARY KEY (source, order_key)
) WITHOUT ROWID;
