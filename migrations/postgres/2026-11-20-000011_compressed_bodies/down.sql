-- Fails while a body is compressed: nobody could read it afterwards. Bodies go after BINDERY_KEEP_BODIES.
ALTER TABLE delivery_bodies ADD CONSTRAINT a_compressed_body_is_left CHECK (encoding = 'identity');
ALTER TABLE delivery_bodies DROP CONSTRAINT a_compressed_body_is_left;
ALTER TABLE delivery_bodies RESET (toast_tuple_target);
ALTER TABLE delivery_bodies ALTER COLUMN bytes SET STORAGE EXTENDED;
ALTER TABLE delivery_bodies DROP COLUMN encoding;
