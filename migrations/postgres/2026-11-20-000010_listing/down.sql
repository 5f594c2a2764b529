ALTER TABLE contents DROP COLUMN listing_sha;
