-- The same as PostgreSQL's, in the same order.

ALTER TABLE installations ADD COLUMN repository_selection TEXT;

ALTER TABLE repositories ADD COLUMN installation_doubted_at BIGINT;
ALTER TABLE repositories ADD COLUMN missing_since BIGINT;
ALTER TABLE repositories ADD COLUMN times_missing INTEGER NOT NULL DEFAULT 0 CHECK (times_missing >= 0);
ALTER TABLE repositories ADD COLUMN removed_at BIGINT;
CREATE INDEX repositories_owner ON repositories (github_host, owner_id);

CREATE TABLE repository_names (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id BIGINT NOT NULL REFERENCES repositories ON DELETE CASCADE,
    owner_id BIGINT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    because TEXT NOT NULL CHECK (because IN ('first_seen', 'renamed', 'owner_renamed', 'transferred')),
    since BIGINT NOT NULL
);
CREATE INDEX repository_names_repository ON repository_names (repository_id, id);
INSERT INTO repository_names (repository_id, owner_id, owner, name, because, since)
    SELECT id, owner_id, owner, name, 'first_seen', created_at FROM repositories;

ALTER TABLE repository_refs ADD COLUMN poll_at BIGINT;
UPDATE repository_refs SET poll_at = resolved_at;
CREATE INDEX repository_refs_poll ON repository_refs (poll_at);

ALTER TABLE bindings ADD COLUMN followed_owner TEXT;
ALTER TABLE bindings ADD COLUMN followed_repo TEXT;

-- SQLite cannot lift a NOT NULL: another column takes its place.
ALTER TABLE deliveries ADD COLUMN proven_by TEXT CHECK (proven_by IN ('current', 'previous'));
UPDATE deliveries SET proven_by = signed_by;
ALTER TABLE deliveries DROP COLUMN signed_by;
ALTER TABLE deliveries RENAME COLUMN proven_by TO signed_by;

ALTER TABLE github_apps ADD COLUMN swept_until BIGINT;

CREATE TABLE timers (
    name TEXT NOT NULL,
    target BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    succeeded_at BIGINT,
    result TEXT,
    error TEXT,
    PRIMARY KEY (name, target)
);
