-- How a part of a body is kept: as it came, or as an LZ4 block behind its length.
ALTER TABLE delivery_bodies ADD COLUMN encoding TEXT NOT NULL DEFAULT 'identity'
    CHECK (encoding IN ('identity', 'lz4'));
