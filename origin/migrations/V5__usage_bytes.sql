-- Counts of requests by format too, with the bytes sent. What was counted before has neither.
CREATE TABLE usage_by_format (
    public_key TEXT NOT NULL,
    minute INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    format TEXT NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (public_key, minute, outcome, format)
) STRICT;
INSERT INTO usage_by_format (public_key, minute, outcome, format, count, bytes)
    SELECT public_key, minute, outcome, 'none', count, 0 FROM usage;
DROP TABLE usage;
ALTER TABLE usage_by_format RENAME TO usage;
CREATE INDEX usage_minute ON usage (minute);
