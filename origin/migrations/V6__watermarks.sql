-- Pictures that a project's URLs may lay over results (`wm`): a PNG of at most a mebibyte each, at most 64 a project. A
-- version is that of the project's row when the picture was put, so no name ever has the same one twice.
CREATE TABLE watermarks (
    project TEXT NOT NULL REFERENCES projects (slug),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    picture BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (project, name)
) STRICT;
