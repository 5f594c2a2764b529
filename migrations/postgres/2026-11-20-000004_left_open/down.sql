ALTER TABLE deliveries DROP COLUMN sent_at;
ALTER TABLE installations DROP COLUMN narrowed_at;
ALTER TABLE bindings DROP COLUMN tried_commit;
