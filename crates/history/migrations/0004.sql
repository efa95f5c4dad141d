-- Who was erased, by the index that is never used again: services drop what they have in memory.
CREATE TABLE erased_customer (erasure INTEGER PRIMARY KEY, customer_idx INTEGER NOT NULL);
CREATE INDEX customer_record_by_version ON customer_record (catalog_version);
-- 1: API keys were made at some time; without the key file the API stays closed then.
INSERT INTO counter (name, value) VALUES ('guarded', 0);
