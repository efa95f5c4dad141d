-- When the order line was bought whose price an item goes by; NULL: the catalogue told the price.
ALTER TABLE item ADD COLUMN price_at_us INTEGER;
