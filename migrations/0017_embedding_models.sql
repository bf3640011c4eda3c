-- Vectors of several embedding models beside each other: a new model is built up while another serves, and no query compares
-- vectors of two.

CREATE TABLE embedding_models (
    -- Never used again: vectors of a model that came and went may still be about to be deleted.
    id          smallint PRIMARY KEY CHECK (id > 0),
    -- Of all that decides what a vector means; null for vectors from before models were told apart, until the next start.
    digest      text,
    name        text NOT NULL,
    dimensions  integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    state       text NOT NULL CHECK (state IN ('building', 'serving', 'retired')),
    -- What its server was given when documents were last gone through: once it is given more, they are gone through again.
    takes       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    served_at   timestamptz,
    retired_at  timestamptz,
    -- When none of its vectors was left.
    cleared_at  timestamptz,
    -- Who embeds what lacks vectors, so that one process does.
    builder        uuid,
    builder_until  timestamptz
);
CREATE UNIQUE INDEX embedding_models_digest ON embedding_models (digest) WHERE state <> 'retired';
CREATE UNIQUE INDEX embedding_models_state ON embedding_models (state) WHERE state <> 'retired';
INSERT INTO embedding_models (id, name, dimensions, state, served_at) VALUES (1, 'all-minilm-l6-v2', 384, 'serving', now());

ALTER TABLE embedding_models ENABLE ROW LEVEL SECURITY;
ALTER TABLE embedding_models FORCE ROW LEVEL SECURITY;
-- Which model serves is read in the snapshot of the vectors themselves.
CREATE POLICY readable_by_all ON embedding_models FOR SELECT TO millwright_tenant USING (true);
CREATE POLICY system_access ON embedding_models TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (id, state) ON embedding_models TO millwright_tenant;
GRANT SELECT, INSERT, UPDATE ON embedding_models TO millwright_system;

-- Columns lose their fixed dimensions; each model's own index keeps them.
ALTER TABLE chunk_vectors NO FORCE ROW LEVEL SECURITY;
ALTER TABLE dormant_vectors NO FORCE ROW LEVEL SECURITY;
DROP INDEX chunk_vectors_nearest;
DROP INDEX chunk_vectors_by_version;
DROP INDEX dormant_vectors_by_version;
ALTER TABLE chunk_vectors
    DROP CONSTRAINT chunk_vectors_pkey,
    ALTER COLUMN embedding TYPE halfvec,
    ADD COLUMN model_id smallint NOT NULL DEFAULT 1,
    ADD PRIMARY KEY (tenant_id, chunk_id, window_number, model_id);
ALTER TABLE chunk_vectors ALTER COLUMN model_id DROP DEFAULT;
ALTER TABLE dormant_vectors
    DROP CONSTRAINT dormant_vectors_pkey,
    ALTER COLUMN embedding TYPE halfvec,
    ADD COLUMN model_id smallint NOT NULL DEFAULT 1,
    ADD PRIMARY KEY (tenant_id, chunk_id, window_number, model_id);
ALTER TABLE dormant_vectors ALTER COLUMN model_id DROP DEFAULT;
CREATE INDEX chunk_vectors_by_version ON chunk_vectors (tenant_id, version_id, model_id);
CREATE INDEX dormant_vectors_by_version ON dormant_vectors (tenant_id, version_id, model_id);
-- As `VectorIndexes::make` of the store makes them for other models.
CREATE INDEX chunk_vectors_nearest_1 ON chunk_vectors
    USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WITH (ef_construction = 128) WHERE model_id = 1;
ALTER TABLE chunk_vectors FORCE ROW LEVEL SECURITY;
ALTER TABLE dormant_vectors FORCE ROW LEVEL SECURITY;

ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions
    -- The newest model that all of its chunks were gone through with; models are numbered upwards.
    ADD COLUMN vectors_by        smallint NOT NULL DEFAULT 0,
    -- Whether it has none because its document's label may not go to the model's server.
    ADD COLUMN vectors_withheld  boolean NOT NULL DEFAULT false;
UPDATE document_versions SET vectors_by = 1 WHERE ready_at IS NOT NULL;
-- Nothing is left of it that could be embedded.
UPDATE document_versions v SET chunk_count = 0 FROM documents d
    WHERE d.tenant_id = v.tenant_id AND d.id = v.document_id AND d.deleted_at IS NOT NULL;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;
-- What lacks vectors of a model is looked for in all tenants.
CREATE INDEX document_versions_by_model ON document_versions (vectors_by, tenant_id)
    WHERE chunk_count > 0 AND ready_at IS NOT NULL;
GRANT SELECT (chunk_count, ready_at, vectors_by) ON document_versions TO millwright_system;
