-- Records that wait for the edge: one row a name (key:pk_…, project:slug), written with each change of it.
-- queued_at tells a row that was written again from the one that was sent; a lease keeps two senders off one name.
CREATE TABLE edge_outbox (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX edge_outbox_next_try ON edge_outbox (next_try);
