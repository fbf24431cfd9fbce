-- The picture that a project shows in place of one whose source is missing: JSON, null for none.
ALTER TABLE projects ADD COLUMN fallback TEXT NOT NULL DEFAULT 'null';
