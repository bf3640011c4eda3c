-- The tenant's glossary: what its abbreviations stand for. Search reads it whole; everybody who searches may see what it says.

CREATE TABLE glossary_entries (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    id          uuid NOT NULL,
    term        text NOT NULL CHECK (length(term) BETWEEN 1 AND 60),
    -- What it stands for, each 1 to 120 characters.
    expansions  text[] NOT NULL CHECK (cardinality(expansions) BETWEEN 1 AND 8 AND array_position(expansions, NULL) IS NULL),
    -- Which language the expansions are in; null for several, or another.
    language    text CHECK (language IN ('en', 'de')),
    created_by  uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);
-- One entry a term, whoever writes it in capitals.
CREATE UNIQUE INDEX glossary_entries_term ON glossary_entries (tenant_id, lower(term));
CREATE INDEX glossary_entries_by_time ON glossary_entries (tenant_id, created_at DESC, id DESC);

ALTER TABLE glossary_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE glossary_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON glossary_entries TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY platform_access ON glossary_entries TO millwright_platform USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON glossary_entries TO millwright_tenant;
GRANT UPDATE (term, expansions, language, updated_at) ON glossary_entries TO millwright_tenant;
GRANT SELECT (tenant_id), DELETE ON glossary_entries TO millwright_platform;
