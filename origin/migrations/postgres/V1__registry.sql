-- Secrets stand in *_cell columns only, sealed by the vault; *_version is bound into each cell.
-- Names sort by byte, as in SQLite, whatever the database's locale.
CREATE TABLE settings (
    name TEXT COLLATE "C" PRIMARY KEY,
    value TEXT,
    value_cell TEXT,
    cell_version BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE projects (
    slug TEXT COLLATE "C" PRIMARY KEY,
    environment TEXT NOT NULL,
    referers TEXT NOT NULL,
    require_referer BOOLEAN NOT NULL,
    sources TEXT NOT NULL,
    presets TEXT NOT NULL,
    caching TEXT NOT NULL,
    epoch BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL
);

CREATE TABLE api_keys (
    public_key TEXT COLLATE "C" PRIMARY KEY,
    project TEXT COLLATE "C" NOT NULL REFERENCES projects (slug),
    name TEXT NOT NULL,
    secret_cell TEXT NOT NULL,
    cell_version BIGINT NOT NULL DEFAULT 1,
    state TEXT NOT NULL,
    not_after BIGINT,
    limits TEXT NOT NULL,
    policy TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_keys_project ON api_keys (project);

CREATE TABLE sources (
    name TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT NOT NULL,
    location TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE grants (
    project TEXT COLLATE "C" NOT NULL REFERENCES projects (slug),
    source TEXT COLLATE "C" NOT NULL REFERENCES sources (name),
    PRIMARY KEY (project, source)
);
CREATE INDEX grants_source ON grants (source);

CREATE TABLE edge_links (
    id TEXT COLLATE "C" PRIMARY KEY,
    secret_cell TEXT NOT NULL,
    cell_version BIGINT NOT NULL DEFAULT 1,
    is_current BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
