-- Credentials of a source's storage, sealed by the vault's second tier; the version is bound into the cell.
ALTER TABLE sources ADD COLUMN credentials_cell TEXT;
ALTER TABLE sources ADD COLUMN cell_version INTEGER NOT NULL DEFAULT 0;
