-- When an event came, by the clock of the server that took it; NULL: not known, as of imports and of
-- all that came before. Event kind 9, recommendation_view, is new, and an earlier program would lose it.
ALTER TABLE event ADD COLUMN received_us INTEGER;
-- Events whose event_id had come before, by the day (UTC, since 1970) on which they came again.
CREATE TABLE repeated_event (day INTEGER PRIMARY KEY, n INTEGER NOT NULL);
