-- The roles, and the schema that holds everything. Run by whoever may create roles; a second run changes nothing.
--
-- brygga_owner owns the tables and nobody logs in as it; brygga_migrate may become it. A broker is brygga_run, an auditor
-- brygga_audit, a dump is made by brygga_backup. None has a password: set one, or let pg_hba.conf map system users or certificates.
DO $$
DECLARE
    name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'brygga_owner') THEN
        CREATE ROLE brygga_owner NOLOGIN;
    END IF;
    FOREACH name IN ARRAY ARRAY['brygga_migrate', 'brygga_run', 'brygga_audit', 'brygga_backup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN', name);
        END IF;
        EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', pg_catalog.current_database(), name);
    END LOOP;
    EXECUTE pg_catalog.format('REVOKE ALL ON DATABASE %I FROM PUBLIC', pg_catalog.current_database());
END $$;
GRANT brygga_owner TO brygga_migrate;
CREATE SCHEMA IF NOT EXISTS brygga AUTHORIZATION brygga_owner;
