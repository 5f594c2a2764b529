DROP TABLE timers;
ALTER TABLE github_apps DROP COLUMN swept_until;
UPDATE deliveries SET signed_by = 'current' WHERE signed_by IS NULL;
ALTER TABLE deliveries ALTER COLUMN signed_by SET NOT NULL;
ALTER TABLE bindings DROP COLUMN followed_owner, DROP COLUMN followed_repo;
DROP INDEX repository_refs_poll;
ALTER TABLE repository_refs DROP COLUMN poll_at;
DROP TABLE repository_names;
DROP INDEX repositories_owner;
ALTER TABLE repositories
    DROP CONSTRAINT repositories_missing,
    DROP COLUMN installation_doubted_at,
    DROP COLUMN missing_since,
    DROP COLUMN times_missing,
    DROP COLUMN removed_at;
ALTER TABLE installations DROP COLUMN repository_selection;
