-- Vectors in parts by tenant, each with an HNSW graph of its own. In one graph of all tenants a search for one of twenty
-- meets nineteen strangers before each of its own rows; and a tenant's graph is as small as the tenant.

ALTER TABLE chunk_vectors NO FORCE ROW LEVEL SECURITY;
ALTER TABLE chunk_vectors RENAME TO vectors_of_all;
ALTER INDEX chunk_vectors_pkey RENAME TO vectors_of_all_pkey;
DROP INDEX chunk_vectors_by_version;
DROP INDEX chunk_vectors_nearest;

CREATE TABLE chunk_vectors (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    chunk_id       uuid NOT NULL,
    window_number  integer NOT NULL,
    document_id    uuid NOT NULL,
    version_id     uuid NOT NULL,
    embedding      halfvec(384) NOT NULL,
    PRIMARY KEY (tenant_id, chunk_id, window_number),
    FOREIGN KEY (tenant_id, chunk_id) REFERENCES chunks (tenant_id, id)
) PARTITION BY HASH (tenant_id);

-- Nobody but the owner may use a part by its own name; the policy is there all the same.
DO $$
DECLARE
    part text;
BEGIN
    FOR number IN 0..15 LOOP
        part := format('chunk_vectors_%s', number);
        EXECUTE format('CREATE TABLE %I PARTITION OF chunk_vectors FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, number);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', part);
    END LOOP;
END $$;

INSERT INTO chunk_vectors (tenant_id, chunk_id, window_number, document_id, version_id, embedding)
    SELECT tenant_id, chunk_id, window_number, document_id, version_id, embedding FROM vectors_of_all;
DROP TABLE vectors_of_all;

CREATE INDEX chunk_vectors_by_version ON chunk_vectors (tenant_id, version_id);
CREATE INDEX chunk_vectors_nearest ON chunk_vectors USING hnsw (embedding halfvec_cosine_ops) WITH (ef_construction = 128);

DO $$
BEGIN
    FOR number IN 0..15 LOOP
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', format('chunk_vectors_%s', number));
    END LOOP;
END $$;
ALTER TABLE chunk_vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE chunk_vectors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON chunk_vectors TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON chunk_vectors TO millwright_tenant;
CREATE POLICY platform_access ON chunk_vectors TO millwright_platform USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id), DELETE ON chunk_vectors TO millwright_platform;
