-- Purges of a part of a project: source texts that begin with the prefix have this epoch. At most 64 a project; a purge
-- of the whole project moves projects.epoch and empties them. Epochs are unix milliseconds, or one more than the last.
CREATE TABLE source_epochs (
    project TEXT NOT NULL REFERENCES projects (slug),
    prefix TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (project, prefix)
) STRICT;

-- A scope that opened nothing is gone, and a token with an unknown one would not be read.
UPDATE api_tokens SET scopes = trim(replace(' ' || scopes || ' ', ' gallery:write ', ' '));
