-- The same as PostgreSQL's, in the same order.

CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL CHECK (actor IN ('token', 'configured_admin', 'process')),
    token_id BIGINT,
    token_label TEXT,
    source TEXT,
    action TEXT NOT NULL,
    organization_id BIGINT,
    place TEXT NOT NULL,
    detail TEXT,
    status SMALLINT NOT NULL,
    request_id TEXT,
    CHECK ((actor = 'token') = (token_id IS NOT NULL)),
    CHECK ((actor = 'token') = (token_label IS NOT NULL))
);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_organization ON audit_events (organization_id, id);
CREATE INDEX audit_events_token ON audit_events (token_id, id);
