-- Format 1. External customer ids stand in `customer` and nowhere else.
CREATE TABLE format (version INTEGER NOT NULL, store_id TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES
    ('item', 0), ('customer', 0), ('sequence', 0), ('catalog_version', 0), ('erasures', 0);

CREATE TABLE item (
    item_idx INTEGER PRIMARY KEY,
    item_id TEXT NOT NULL UNIQUE,
    title TEXT,
    -- 0: told by the catalogue; above: in how many batches of order lines the title was seen.
    title_votes INTEGER NOT NULL DEFAULT 1,
    kind INTEGER NOT NULL DEFAULT 0,
    -- 0: assumed, 1: proposed by an importer, 2: declared.
    kind_origin INTEGER NOT NULL DEFAULT 0,
    category TEXT,
    category_votes INTEGER NOT NULL DEFAULT 1,
    price INTEGER,
    cost INTEGER,
    currency TEXT,
    stock INTEGER,
    hidden INTEGER NOT NULL DEFAULT 0,
    sensitive INTEGER NOT NULL DEFAULT 0,
    variant_of TEXT,
    image_url TEXT,
    url TEXT,
    attributes TEXT NOT NULL DEFAULT '{}',
    catalog_version INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX item_by_version ON item (catalog_version);

CREATE TABLE customer (customer_idx INTEGER PRIMARY KEY, customer_id TEXT NOT NULL UNIQUE);
CREATE TABLE customer_record (
    customer_idx INTEGER PRIMARY KEY,
    consent INTEGER,
    attributes TEXT NOT NULL DEFAULT '{}',
    catalog_version INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE holding (
    customer_idx INTEGER NOT NULL,
    item_idx INTEGER NOT NULL,
    since_us INTEGER,
    until_us INTEGER,
    catalog_version INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (customer_idx, item_idx)
) WITHOUT ROWID;

-- From the codes inside a segment to the dense indices of the store; little-endian u32 each.
CREATE TABLE code_map (map_id INTEGER PRIMARY KEY, items BLOB NOT NULL, customers BLOB NOT NULL);
CREATE TABLE segment (
    segment_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- 0: orders and their lines, 1: browsing events.
    content INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- NULL: the codes are the dense indices.
    map_id INTEGER,
    n_rows INTEGER NOT NULL,
    n_lines INTEGER NOT NULL,
    n_returns INTEGER NOT NULL,
    n_refers INTEGER NOT NULL,
    first_at_us INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    first_partition INTEGER NOT NULL,
    last_partition INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL,
    rows_checksum INTEGER NOT NULL,
    lines_checksum INTEGER NOT NULL,
    n_dead_lines INTEGER NOT NULL DEFAULT 0,
    -- Bitmap of the rows that a later version supersedes.
    dead BLOB
);

CREATE TABLE import (
    import_id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    files TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    summary TEXT NOT NULL
);

CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    customer_idx INTEGER,
    session_id TEXT,
    order_id TEXT,
    source TEXT NOT NULL,
    currency TEXT,
    location_id TEXT,
    recommendation_id TEXT,
    confirmed INTEGER NOT NULL,
    lines TEXT NOT NULL
);
CREATE INDEX event_by_time ON event (at_us);
CREATE INDEX event_of_order ON event (seq) WHERE kind IN (4, 5);
-- The ids of sealed events, so that a retry is known after sealing too: sorted XXH3-64 hashes,
-- little-endian. Ids start at 2: a reader's 0 and 1 mean "not looked" and "none seen".
CREATE TABLE sealed_event_ids (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    last_at_us INTEGER NOT NULL,
    n_ids INTEGER NOT NULL,
    hashes BLOB NOT NULL
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('sealed_event_ids', 1);
