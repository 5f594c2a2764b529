-- The same tables as PostgreSQL's, in the same order. Instants are microseconds since 1970, JSON is text.

-- Who we serve.

CREATE TABLE organizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL UNIQUE,
    title TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id BIGINT NOT NULL REFERENCES organizations ON DELETE RESTRICT,
    slug TEXT NOT NULL,
    title TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, slug),
    -- So that a binding's project is one of its own organisation.
    UNIQUE (organization_id, id)
);

-- A token is found by its public half and proven by the salted hash of its secret half.
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lookup TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    label TEXT NOT NULL,
    -- NULL: for all organisations.
    organization_id BIGINT REFERENCES organizations ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_tokens_organization ON api_tokens (organization_id);

-- GitHub's things, as far as we know them. Names may change under us; numbers do not.

CREATE TABLE github_apps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host TEXT NOT NULL,
    app_id BIGINT NOT NULL CHECK (app_id > 0),
    created_at BIGINT NOT NULL,
    last_ping_at BIGINT,
    UNIQUE (host, app_id)
);

CREATE TABLE installations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    github_app_id BIGINT NOT NULL REFERENCES github_apps ON DELETE RESTRICT,
    github_id BIGINT NOT NULL CHECK (github_id > 0),
    account_id BIGINT,
    account_login TEXT,
    suspended_at BIGINT,
    -- When GitHub said that the installation is no more.
    deleted_at BIGINT,
    permissions TEXT,
    -- Until when a rate limit forbids every request of this installation.
    paused_until BIGINT,
    confirmed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (github_app_id, github_id)
);

-- One installation, one organisation.
CREATE TABLE installation_grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    github_host TEXT NOT NULL,
    installation_id BIGINT NOT NULL CHECK (installation_id > 0),
    organization_id BIGINT NOT NULL REFERENCES organizations ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (github_host, installation_id)
);
CREATE INDEX installation_grants_organization ON installation_grants (organization_id);

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    github_host TEXT NOT NULL,
    github_id BIGINT NOT NULL CHECK (github_id > 0),
    owner_id BIGINT NOT NULL CHECK (owner_id > 0),
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Lower case, because GitHub's names do not know case.
    owner_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    installation_id BIGINT REFERENCES installations ON DELETE SET NULL,
    default_branch TEXT,
    visibility TEXT,
    archived BOOLEAN NOT NULL CHECK (archived IN (0, 1)),
    reachability TEXT NOT NULL CHECK (reachability IN ('reachable', 'access_lost', 'gone')),
    etag TEXT,
    confirmed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (github_host, github_id)
);
CREATE INDEX repositories_name ON repositories (github_host, owner_key, name_key);
CREATE INDEX repositories_installation ON repositories (installation_id);

-- What GitHub last said about a ref; no commit means that it said "no such ref".
CREATE TABLE repository_refs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id BIGINT NOT NULL REFERENCES repositories ON DELETE CASCADE,
    git_ref TEXT NOT NULL,
    commit_sha TEXT,
    root_tree_sha TEXT,
    etag TEXT,
    resolved_at BIGINT NOT NULL,
    UNIQUE (repository_id, git_ref),
    CHECK ((commit_sha IS NULL) = (root_tree_sha IS NULL))
);

-- The inbox: one row a delivery, kept longer than its body. GUIDs are shared between Apps.

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    github_app_id BIGINT NOT NULL REFERENCES github_apps ON DELETE RESTRICT,
    guid TEXT NOT NULL,
    event TEXT NOT NULL,
    action TEXT,
    headers TEXT NOT NULL,
    signed_by TEXT NOT NULL CHECK (signed_by IN ('current', 'previous')),
    body_size BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'processed', 'ignored', 'rejected', 'failed')),
    reason TEXT,
    detail TEXT,
    attempts INTEGER NOT NULL,
    scheduled_at BIGINT NOT NULL,
    -- What the event was about, once it has been processed.
    repository_github_id BIGINT,
    installation_github_id BIGINT,
    git_ref TEXT,
    head_sha TEXT,
    received_at BIGINT NOT NULL,
    processed_at BIGINT,
    UNIQUE (github_app_id, guid),
    CHECK ((state = 'received') = (processed_at IS NULL)),
    CHECK (state IN ('received', 'processed') OR reason IS NOT NULL)
);
CREATE INDEX deliveries_waiting ON deliveries (scheduled_at, id) WHERE state = 'received';
CREATE INDEX deliveries_received_at ON deliveries (received_at);
CREATE INDEX deliveries_repository ON deliveries (repository_github_id, id);
CREATE INDEX deliveries_head ON deliveries (head_sha) WHERE head_sha IS NOT NULL;

-- The signed bytes, in parts, so that no statement carries 25 MiB.
CREATE TABLE delivery_bodies (
    delivery_id BIGINT NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (delivery_id, part)
);

-- The queue.

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    target BIGINT NOT NULL,
    -- 0: a webhook or a person waits for it; 1: bulk.
    lane SMALLINT NOT NULL CHECK (lane IN (0, 1)),
    state TEXT NOT NULL
        CHECK (state IN ('available', 'running', 'retryable', 'completed', 'discarded', 'cancelled')),
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts > 0),
    -- Failures that were GitHub's and are not counted as attempts; they still lengthen the backoff.
    deferrals INTEGER NOT NULL CHECK (deferrals >= 0),
    scheduled_at BIGINT NOT NULL,
    -- The backoff floor: no event pulls the job forward beyond it.
    not_before BIGINT,
    -- When the newest request for this job was made: older findings do not answer it.
    requested_at BIGINT NOT NULL,
    -- Who may look at it; NULL: only those who see everything.
    organization_id BIGINT REFERENCES organizations ON DELETE SET NULL,
    -- Whose rate limit and whose share of the workers it uses, once that is known.
    installation_id BIGINT REFERENCES installations ON DELETE SET NULL,
    worker TEXT,
    lease_until BIGINT,
    -- Grows at every claim, so that a late worker's settlement is told from the present one's.
    fence BIGINT NOT NULL,
    cause TEXT NOT NULL,
    -- What each request said besides, the newest last.
    hints TEXT NOT NULL,
    errors TEXT NOT NULL,
    result TEXT,
    created_at BIGINT NOT NULL,
    attempted_at BIGINT,
    finalized_at BIGINT,
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('completed', 'discarded', 'cancelled')) = (finalized_at IS NOT NULL))
);
-- One waiting job a target, and one running.
CREATE UNIQUE INDEX jobs_waiting_target ON jobs (kind, target) WHERE state IN ('available', 'retryable');
CREATE UNIQUE INDEX jobs_running_target ON jobs (kind, target) WHERE state = 'running';
CREATE INDEX jobs_due ON jobs (lane, scheduled_at, id) WHERE state IN ('available', 'retryable');
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_finalized ON jobs (finalized_at) WHERE finalized_at IS NOT NULL;
CREATE INDEX jobs_target ON jobs (kind, target, id);
CREATE INDEX jobs_organization ON jobs (organization_id, id);
CREATE INDEX jobs_installation ON jobs (installation_id);
CREATE INDEX jobs_running_installation ON jobs (installation_id) WHERE state = 'running';

CREATE TABLE job_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    at BIGINT NOT NULL,
    event TEXT NOT NULL CHECK (event IN
        ('joined', 'retried', 'deferred', 'snoozed', 'rescued', 'released', 'superseded', 'discarded', 'cancelled')),
    detail TEXT NOT NULL
);
CREATE INDEX job_events_job ON job_events (job_id, id);

-- Bindings and what they hold.

CREATE TABLE bindings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    organization_id BIGINT NOT NULL REFERENCES organizations ON DELETE RESTRICT,
    project_id BIGINT,
    name TEXT NOT NULL,
    -- What the operator asked for.
    github_host TEXT NOT NULL,
    github_owner TEXT NOT NULL,
    github_repo TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    repo_key TEXT NOT NULL,
    -- NULL: the default branch, whichever it is.
    git_ref TEXT,
    root_path TEXT NOT NULL,
    required_files TEXT NOT NULL,
    -- What it is, once a sync has succeeded.
    repository_id BIGINT REFERENCES repositories ON DELETE RESTRICT,
    content_id BIGINT REFERENCES contents ON DELETE SET NULL,
    commit_sha TEXT,
    -- The ref as last synced: where the default branch was.
    synced_ref TEXT,
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    error TEXT,
    -- What the last sync found that no row of GitHub's things can say yet.
    finding TEXT CHECK (finding IN ('access_lost', 'suspended', 'not_granted', 'ref_missing')),
    last_job_id BIGINT REFERENCES jobs ON DELETE SET NULL,
    last_delivery_id BIGINT REFERENCES deliveries ON DELETE SET NULL,
    -- Grows when the operator asks for something else: what a sync began before that is not published.
    generation BIGINT NOT NULL,
    -- Grows at every change that a reader can see.
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    synced_at BIGINT,
    FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE RESTRICT,
    CHECK ((status = 'failed') = (error IS NOT NULL))
);
CREATE UNIQUE INDEX bindings_organization_name ON bindings (organization_id, name) WHERE project_id IS NULL;
CREATE UNIQUE INDEX bindings_project_name ON bindings (project_id, name) WHERE project_id IS NOT NULL;
CREATE INDEX bindings_organization ON bindings (organization_id, id);
CREATE INDEX bindings_repository ON bindings (repository_id, git_ref);
CREATE INDEX bindings_requested_name ON bindings (github_host, owner_key, repo_key);
CREATE INDEX bindings_content ON bindings (content_id);
CREATE INDEX bindings_last_job ON bindings (last_job_id);
CREATE INDEX bindings_last_delivery ON bindings (last_delivery_id);

-- One published tree, immutable; whose bytes they are is written with it.
CREATE TABLE contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    binding_id BIGINT NOT NULL REFERENCES bindings ON DELETE CASCADE,
    repository_id BIGINT NOT NULL REFERENCES repositories ON DELETE RESTRICT,
    owner_id BIGINT NOT NULL,
    installation_id BIGINT NOT NULL,
    git_ref TEXT NOT NULL,
    root_path TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    tree_sha TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX contents_binding ON contents (binding_id);
CREATE INDEX contents_repository ON contents (repository_id);

-- A sha is trusted only within its repository.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id BIGINT NOT NULL REFERENCES repositories ON DELETE CASCADE,
    sha TEXT NOT NULL,
    size BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    -- When a sync last counted on it; collected only a grace period later.
    used_at BIGINT NOT NULL,
    UNIQUE (repository_id, sha)
);
CREATE INDEX blobs_used_at ON blobs (used_at);

CREATE TABLE content_files (
    content_id BIGINT NOT NULL REFERENCES contents ON DELETE CASCADE,
    path TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('100644', '100755', '120000', '160000')),
    sha TEXT NOT NULL,
    size BIGINT NOT NULL,
    -- Symlinks and submodules are listed, never followed.
    blob_id BIGINT REFERENCES blobs ON DELETE RESTRICT,
    PRIMARY KEY (content_id, path),
    CHECK ((mode IN ('100644', '100755')) = (blob_id IS NOT NULL))
);
CREATE INDEX content_files_blob ON content_files (blob_id);

-- Why a delivery did or did not concern a binding.
CREATE TABLE delivery_decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id BIGINT NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    binding_id BIGINT NOT NULL REFERENCES bindings ON DELETE CASCADE,
    verdict TEXT NOT NULL CHECK (verdict IN ('enqueued', 'joined', 'skipped')),
    reason TEXT NOT NULL,
    job_id BIGINT REFERENCES jobs ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (delivery_id, binding_id),
    CHECK (verdict <> 'skipped' OR job_id IS NULL)
);
CREATE INDEX delivery_decisions_binding ON delivery_decisions (binding_id, id);
CREATE INDEX delivery_decisions_job ON delivery_decisions (job_id);
