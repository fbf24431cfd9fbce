-- Times are unix milliseconds, but *_minute: unix minutes. Secrets that nobody needs to read again are hashed.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;

-- A session is valid while its row is there. A guest's has no user.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX api_tokens_user ON api_tokens (user_id);

-- Failed logins in a row, by account and by address: account:a@b.c, address:192.0.2.1.
CREATE TABLE login_attempts (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    since INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT;

-- Login failures after the first of a minute, until their sum goes into the audit log.
CREATE TABLE login_failures (
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    minute INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (account, address, minute)
) STRICT;

-- Answers to idempotent requests; the cell is emptied after ten minutes, the row stays a day to refuse the key.
CREATE TABLE idempotency (
    id TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    answer_cell TEXT,
    cell_version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_created_at ON idempotency (created_at);

-- Append-only: each entry's hash covers the one before it.
CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    target TEXT NOT NULL,
    before TEXT,
    after TEXT,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_at ON audit_log (at);

CREATE TABLE usage (
    public_key TEXT NOT NULL,
    minute INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (public_key, minute, outcome)
) STRICT;
CREATE INDEX usage_minute ON usage (minute);

-- Reports of the edge that were counted.
CREATE TABLE usage_reports (
    id TEXT PRIMARY KEY,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX usage_reports_received_at ON usage_reports (received_at);

CREATE TABLE request_log (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    public_key TEXT NOT NULL,
    project TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    source TEXT NOT NULL,
    operations TEXT NOT NULL,
    millis INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT;
CREATE INDEX request_log_at ON request_log (at);

-- Origins that run: a row lives while it is renewed.
CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- A removed project's row stays, emptied: the edge learns of the removal from its record, whose version never falls.
ALTER TABLE projects ADD COLUMN is_removed INTEGER NOT NULL DEFAULT 0;
-- What new keys of the project get: limits and policy.
ALTER TABLE projects ADD COLUMN key_defaults TEXT NOT NULL DEFAULT '{}';
