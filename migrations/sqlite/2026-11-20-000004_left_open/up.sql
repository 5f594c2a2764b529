-- The same as PostgreSQL's, in the same order.

ALTER TABLE bindings ADD COLUMN tried_commit TEXT;
ALTER TABLE installations ADD COLUMN narrowed_at BIGINT;
