-- Secrets stand in *_cell columns only, sealed by the vault; *_version is bound into each cell.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT,
    value_cell TEXT,
    cell_version INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE projects (
    slug TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    referers TEXT NOT NULL,
    require_referer INTEGER NOT NULL,
    sources TEXT NOT NULL,
    presets TEXT NOT NULL,
    caching TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    public_key TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (slug),
    name TEXT NOT NULL,
    secret_cell TEXT NOT NULL,
    cell_version INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    not_after INTEGER,
    limits TEXT NOT NULL,
    policy TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_project ON api_keys (project);

CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    project TEXT NOT NULL REFERENCES projects (slug),
    source TEXT NOT NULL REFERENCES sources (name),
    PRIMARY KEY (project, source)
) STRICT;

CREATE TABLE edge_links (
    id TEXT PRIMARY KEY,
    secret_cell TEXT NOT NULL,
    cell_version INTEGER NOT NULL DEFAULT 1,
    is_current INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
