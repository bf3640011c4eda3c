-- How a tenant wants models chosen; what is absent is as it ships.
ALTER TABLE policy_settings ADD COLUMN routing jsonb NOT NULL DEFAULT '{}';
