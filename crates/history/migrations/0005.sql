-- Sealed events keep purchases and refunds as they came, and the log of decisions has a table of
-- assignments, which is made when it is opened. Nothing in this database changes; the version does,
-- so that an earlier program does not seal what a report will ask for.
SELECT 1;
