-- The same as PostgreSQL's, in the same order.

CREATE TABLE console_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    token_id BIGINT REFERENCES api_tokens ON DELETE CASCADE,
    admin_mark BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CHECK ((token_id IS NULL) = (admin_mark IS NOT NULL))
);
CREATE INDEX console_sessions_token ON console_sessions (token_id);
CREATE INDEX console_sessions_expires_at ON console_sessions (expires_at);
