-- How a part of a body is kept: as it came, or as an LZ4 block behind its length.
ALTER TABLE delivery_bodies ADD COLUMN encoding TEXT NOT NULL DEFAULT 'identity'
    CHECK (encoding IN ('identity', 'lz4'));

-- Compressed already where that helps: not a second time, and in line as long as it fits a page.
ALTER TABLE delivery_bodies ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE delivery_bodies SET (toast_tuple_target = 8160);
