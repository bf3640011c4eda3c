-- Labels: what data is, who may read it, and how that changes.

-- Each combination that occurs in a tenant, once. What is searched names its label by number, so that both indexes can
-- filter by the numbers that a reader may see. Integrity is no reason to hide: it stands beside.
CREATE TABLE labels (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    classification  text NOT NULL CHECK (classification IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    export_control  text[] NOT NULL,
    groups          text[] NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, classification, export_control, groups)
);

-- Migrations run as the owner, whom forced policies hide every row from.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE messages NO FORCE ROW LEVEL SECURITY;

INSERT INTO labels (tenant_id, classification, export_control, groups)
    SELECT DISTINCT tenant_id, classification, '{}'::text[], '{}'::text[] FROM documents;
ALTER TABLE documents
    ADD COLUMN label_id   bigint,
    ADD COLUMN integrity  text NOT NULL DEFAULT 'untrusted' CHECK (integrity IN ('trusted', 'untrusted'));
UPDATE documents d SET label_id = l.id FROM labels l WHERE l.tenant_id = d.tenant_id AND l.classification = d.classification;
ALTER TABLE documents
    ALTER COLUMN label_id SET NOT NULL,
    DROP COLUMN classification,
    ADD FOREIGN KEY (tenant_id, label_id) REFERENCES labels (tenant_id, id);
-- A name is unique among what its uploader may see: a name that is refused would tell of a hidden document.
DROP INDEX documents_name;
CREATE INDEX documents_name ON documents (tenant_id, name) WHERE deleted_at IS NULL;

ALTER TABLE users
    ADD COLUMN clearance              text,
    ADD COLUMN export_authorisations  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN groups                 text[] NOT NULL DEFAULT '{}';
UPDATE users SET clearance = CASE role WHEN 'admin' THEN 'RESTRICTED' WHEN 'operator' THEN 'CONFIDENTIAL' ELSE 'INTERNAL' END;
ALTER TABLE users
    ALTER COLUMN clearance SET NOT NULL,
    ADD CHECK (clearance IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED'));
GRANT SELECT (clearance, export_authorisations, groups) ON users TO millwright_tenant;

-- The join of what a message was made from; null while that is not known.
ALTER TABLE messages ADD COLUMN label jsonb;
UPDATE messages SET label = jsonb_build_object('classification', classification, 'export_control', '[]'::jsonb,
                                               'integrity', 'untrusted', 'groups', '[]'::jsonb)
    WHERE classification IS NOT NULL;
ALTER TABLE messages DROP COLUMN classification;
-- When a document's label rises, so do the answers that quote it.
CREATE INDEX messages_by_citation ON messages USING gin (citations jsonb_path_ops);
ALTER TABLE runs ADD COLUMN label jsonb;

ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

-- The wish to lower a document's label: somebody else decides.
CREATE TABLE label_requests (
    tenant_id        uuid NOT NULL REFERENCES tenants,
    id               uuid NOT NULL,
    document_id      uuid NOT NULL,
    from_label       jsonb NOT NULL,
    to_label         jsonb NOT NULL,
    reason           text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    status           text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'obsolete')),
    requested_by     uuid NOT NULL,
    requested_at     timestamptz NOT NULL,
    decided_by       uuid,
    decided_at       timestamptz,
    decision_reason  text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id),
    FOREIGN KEY (tenant_id, requested_by) REFERENCES users (tenant_id, id)
);
CREATE INDEX label_requests_by_time ON label_requests (tenant_id, requested_at DESC, id DESC);
CREATE UNIQUE INDEX label_requests_pending ON label_requests (tenant_id, document_id) WHERE status = 'pending';

-- Sentences of a chunk that look like instructions to a model: [[first code point, last], …] of its text.
ALTER TABLE chunks ADD COLUMN quarantined jsonb NOT NULL DEFAULT '[]';

-- What the policy layer noticed: injection, export-controlled content kept from somebody, labels and personal data refused.
CREATE TABLE policy_events (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    id           uuid NOT NULL,
    occurred_at  timestamptz NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('injection', 'export_blocked', 'label_denied', 'personal_data_blocked', 'output_withheld')),
    -- What was done: shadow, warn, block, quarantine, cut.
    outcome      text NOT NULL,
    -- Whose text or request it was; null for what has no person, as a document that is read.
    user_id      uuid,
    run_id       uuid,
    document_id  uuid,
    chunk_id     uuid,
    -- Of a classifier; with its threshold.
    score        real,
    threshold    real,
    -- The sentence with its personal data masked, or what else explains it. Never a secret.
    detail       text NOT NULL DEFAULT '' CHECK (length(detail) <= 4000),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX policy_events_by_time ON policy_events (tenant_id, occurred_at DESC, id DESC);

-- Which placeholder stands for which value, by conversation; sealed with the server's key.
CREATE TABLE placeholder_vaults (
    tenant_id        uuid NOT NULL REFERENCES tenants,
    conversation_id  uuid NOT NULL,
    sealed           bytea NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)
);

-- What a tenant chose: personal data and injection. Absent: the defaults.
CREATE TABLE policy_settings (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    personal_data  jsonb NOT NULL,
    injection      jsonb NOT NULL,
    version        bigint NOT NULL,
    updated_by     uuid NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- A tenant's own Cedar policies, version by version. They may only forbid.
CREATE TABLE policy_versions (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    number        integer NOT NULL CHECK (number > 0),
    files         jsonb NOT NULL,
    note          text NOT NULL,
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    activated_by  uuid,
    activated_at  timestamptz,
    PRIMARY KEY (tenant_id, number),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);

-- What was decided, on what, by which policies: enough to decide it again.
CREATE TABLE decisions (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              uuid NOT NULL,
    decided_at      timestamptz NOT NULL,
    user_id         uuid NOT NULL,
    run_id          uuid,
    action          text NOT NULL,
    request         jsonb NOT NULL,
    inputs_digest   bytea NOT NULL CHECK (length(inputs_digest) = 32),
    policy_version  bytea NOT NULL CHECK (length(policy_version) = 32),
    verdict         text NOT NULL CHECK (verdict IN ('ALLOW', 'DENY', 'REQUIRE_APPROVAL')),
    policies        jsonb NOT NULL,
    would_allow     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX decisions_by_time ON decisions (tenant_id, decided_at DESC, id DESC);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['labels', 'label_requests', 'policy_events', 'placeholder_vaults', 'policy_settings',
                                'policy_versions', 'decisions']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO millwright_tenant', name);
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
    END LOOP;
END $$;
GRANT UPDATE ON label_requests, placeholder_vaults, policy_settings TO millwright_tenant;
GRANT UPDATE (activated_by, activated_at) ON policy_versions TO millwright_tenant;
GRANT DELETE ON decisions, policy_events TO millwright_tenant;
