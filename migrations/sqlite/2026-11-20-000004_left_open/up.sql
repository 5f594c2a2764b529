-- The same as PostgreSQL's, in the same order.

ALTER TABLE bindings ADD COLUMN tried_commit TEXT;
ALTER TABLE installations ADD COLUMN narrowed_at BIGINT;

ALTER TABLE deliveries ADD COLUMN sent_at BIGINT NOT NULL DEFAULT 0;
