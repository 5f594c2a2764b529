-- Fails while a body is compressed: nobody could read it afterwards. Bodies go after BINDERY_KEEP_BODIES.
CREATE TEMP TABLE a_compressed_body_is_left (encoding TEXT CHECK (encoding = 'identity'));
INSERT INTO a_compressed_body_is_left SELECT encoding FROM delivery_bodies;
DROP TABLE a_compressed_body_is_left;
ALTER TABLE delivery_bodies DROP COLUMN encoding;
