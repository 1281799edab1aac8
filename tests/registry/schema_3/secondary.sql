CREATE SCHEMA farshore;
CREATE FUNCTION farshore.at(microseconds bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ('1970-01-01 00:00:00+00'::timestamp with time zone + ((microseconds)::double precision * '00:00:00.000001'::interval));
CREATE FUNCTION farshore.count_changes_of(counted regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
  BEGIN
    EXECUTE format('CREATE TRIGGER count_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_insert()', counted);
    EXECUTE format('CREATE TRIGGER count_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows'
                   ' NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_update()', counted);
    EXECUTE format('CREATE TRIGGER count_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_delete()', counted);
  END $$;
CREATE FUNCTION farshore.count_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
          UPDATE farshore.registry_counts AS c SET
            registry = c.registry + d.registry,
            pending = c.pending + d.pending,
            started = c.started + d.started,
            synced = c.synced + d.synced,
            failed = c.failed + d.failed,
            missing_on_primary = c.missing_on_primary + d.missing_on_primary,
            removing = c.removing + d.removing,
            never_synced = c.never_synced + d.never_synced
          FROM (
            SELECT type_id,
              sum(sign) AS registry,
              coalesce(sum(sign) FILTER (WHERE state = 0), 0) AS pending,
              coalesce(sum(sign) FILTER (WHERE state = 1), 0) AS started,
              coalesce(sum(sign) FILTER (WHERE state = 2), 0) AS synced,
              coalesce(sum(sign) FILTER (WHERE state = 3), 0) AS failed,
              coalesce(sum(sign) FILTER (WHERE state = 3 AND missing_on_primary), 0)
                AS missing_on_primary,
              coalesce(sum(sign) FILTER (WHERE NOT wanted), 0) AS removing,
              coalesce(sum(sign) FILTER (WHERE synced_revision IS NULL AND due_since IS NULL
                                               AND NOT missing_on_primary), 0) AS never_synced
            FROM (SELECT -1 AS sign, * FROM old_rows) AS changed GROUP BY type_id
          ) AS d
          WHERE c.type_id = d.type_id;
          RETURN NULL;
        END $$;
CREATE FUNCTION farshore.count_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
          UPDATE farshore.registry_counts AS c SET
            registry = c.registry + d.registry,
            pending = c.pending + d.pending,
            started = c.started + d.started,
            synced = c.synced + d.synced,
            failed = c.failed + d.failed,
            missing_on_primary = c.missing_on_primary + d.missing_on_primary,
            removing = c.removing + d.removing,
            never_synced = c.never_synced + d.never_synced
          FROM (
            SELECT type_id,
              sum(sign) AS registry,
              coalesce(sum(sign) FILTER (WHERE state = 0), 0) AS pending,
              coalesce(sum(sign) FILTER (WHERE state = 1), 0) AS started,
              coalesce(sum(sign) FILTER (WHERE state = 2), 0) AS synced,
              coalesce(sum(sign) FILTER (WHERE state = 3), 0) AS failed,
              coalesce(sum(sign) FILTER (WHERE state = 3 AND missing_on_primary), 0)
                AS missing_on_primary,
              coalesce(sum(sign) FILTER (WHERE NOT wanted), 0) AS removing,
              coalesce(sum(sign) FILTER (WHERE synced_revision IS NULL AND due_since IS NULL
                                               AND NOT missing_on_primary), 0) AS never_synced
            FROM (SELECT 1 AS sign, * FROM new_rows) AS changed GROUP BY type_id
          ) AS d
          WHERE c.type_id = d.type_id;
          RETURN NULL;
        END $$;
CREATE FUNCTION farshore.count_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
          UPDATE farshore.registry_counts AS c SET
            registry = c.registry + d.registry,
            pending = c.pending + d.pending,
            started = c.started + d.started,
            synced = c.synced + d.synced,
            failed = c.failed + d.failed,
            missing_on_primary = c.missing_on_primary + d.missing_on_primary,
            removing = c.removing + d.removing,
            never_synced = c.never_synced + d.never_synced
          FROM (
            SELECT type_id,
              sum(sign) AS registry,
              coalesce(sum(sign) FILTER (WHERE state = 0), 0) AS pending,
              coalesce(sum(sign) FILTER (WHERE state = 1), 0) AS started,
              coalesce(sum(sign) FILTER (WHERE state = 2), 0) AS synced,
              coalesce(sum(sign) FILTER (WHERE state = 3), 0) AS failed,
              coalesce(sum(sign) FILTER (WHERE state = 3 AND missing_on_primary), 0)
                AS missing_on_primary,
              coalesce(sum(sign) FILTER (WHERE NOT wanted), 0) AS removing,
              coalesce(sum(sign) FILTER (WHERE synced_revision IS NULL AND due_since IS NULL
                                               AND NOT missing_on_primary), 0) AS never_synced
            FROM (SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows) AS changed GROUP BY type_id
          ) AS d
          WHERE c.type_id = d.type_id;
          RETURN NULL;
        END $$;
CREATE FUNCTION farshore.make_partition(partition_name text, type_id integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
  BEGIN
    EXECUTE format('CREATE TABLE farshore.%I PARTITION OF farshore.registry (PRIMARY KEY (record_id))'
                   ' FOR VALUES IN (%s) WITH (fillfactor = 70)', partition_name, type_id);
    PERFORM farshore.count_changes_of(format('farshore.%I', partition_name)::regclass);
    INSERT INTO farshore.registry_counts (type_id) VALUES (type_id);
  END $$;
CREATE FUNCTION farshore.microseconds(t timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((EXTRACT(epoch FROM t) * (1000000)::numeric))::bigint;
CREATE SEQUENCE farshore.claim_token
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE farshore.registry (
    record_id bigint NOT NULL,
    target_revision bigint NOT NULL,
    synced_revision bigint,
    size bigint,
    created_at timestamp with time zone NOT NULL,
    retry_at timestamp with time zone,
    last_synced_at timestamp with time zone,
    due_since timestamp with time zone,
    verified_at timestamp with time zone,
    verification_started_at timestamp with time zone,
    verification_retry_at timestamp with time zone,
    type_id integer NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    verification_retry_count integer DEFAULT 0 NOT NULL,
    state smallint DEFAULT 0 NOT NULL,
    verification_state smallint DEFAULT 0 NOT NULL,
    wanted boolean DEFAULT true NOT NULL,
    missing_on_primary boolean DEFAULT false NOT NULL,
    force_to_redownload boolean DEFAULT false NOT NULL,
    checksum_mismatch boolean DEFAULT false NOT NULL,
    key text NOT NULL,
    locator text NOT NULL,
    stale_locators text[] DEFAULT '{}'::text[] NOT NULL,
    primary_checksum bytea,
    verification_checksum bytea,
    verification_checksum_mismatched bytea,
    last_sync_failure text,
    verification_failure text,
    CONSTRAINT registry_last_sync_failure_check CHECK ((octet_length(last_sync_failure) <= 255)),
    CONSTRAINT registry_state_check CHECK (((state >= 0) AND (state <= 3))),
    CONSTRAINT registry_verification_failure_check CHECK ((octet_length(verification_failure) <= 255)),
    CONSTRAINT registry_verification_state_check CHECK (((verification_state >= 0) AND (verification_state <= 4)))
)
PARTITION BY LIST (type_id);
CREATE TABLE farshore.file_registry (
    record_id bigint NOT NULL,
    target_revision bigint NOT NULL,
    synced_revision bigint,
    size bigint,
    created_at timestamp with time zone NOT NULL,
    retry_at timestamp with time zone,
    last_synced_at timestamp with time zone,
    due_since timestamp with time zone,
    verified_at timestamp with time zone,
    verification_started_at timestamp with time zone,
    verification_retry_at timestamp with time zone,
    type_id integer NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    verification_retry_count integer DEFAULT 0 NOT NULL,
    state smallint DEFAULT 0 NOT NULL,
    verification_state smallint DEFAULT 0 NOT NULL,
    wanted boolean DEFAULT true NOT NULL,
    missing_on_primary boolean DEFAULT false NOT NULL,
    force_to_redownload boolean DEFAULT false NOT NULL,
    checksum_mismatch boolean DEFAULT false NOT NULL,
    key text NOT NULL,
    locator text NOT NULL,
    stale_locators text[] DEFAULT '{}'::text[] NOT NULL,
    primary_checksum bytea,
    verification_checksum bytea,
    verification_checksum_mismatched bytea,
    last_sync_failure text,
    verification_failure text,
    CONSTRAINT registry_last_sync_failure_check CHECK ((octet_length(last_sync_failure) <= 255)),
    CONSTRAINT registry_state_check CHECK (((state >= 0) AND (state <= 3))),
    CONSTRAINT registry_verification_failure_check CHECK ((octet_length(verification_failure) <= 255)),
    CONSTRAINT registry_verification_state_check CHECK (((verification_state >= 0) AND (verification_state <= 4)))
)
WITH (fillfactor='70');
CREATE TABLE farshore.log_cursor (
    one boolean DEFAULT true NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    identity text DEFAULT ''::text NOT NULL,
    xid xid8 DEFAULT '0'::xid8 NOT NULL,
    id bigint DEFAULT 0 NOT NULL,
    token integer DEFAULT 0 NOT NULL,
    covered_xid xid8 DEFAULT '0'::xid8 NOT NULL,
    horizon timestamp with time zone,
    CONSTRAINT log_cursor_one_check CHECK (one)
);
CREATE TABLE farshore.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE farshore.note_registry (
    record_id bigint NOT NULL,
    target_revision bigint NOT NULL,
    synced_revision bigint,
    size bigint,
    created_at timestamp with time zone NOT NULL,
    retry_at timestamp with time zone,
    last_synced_at timestamp with time zone,
    due_since timestamp with time zone,
    verified_at timestamp with time zone,
    verification_started_at timestamp with time zone,
    verification_retry_at timestamp with time zone,
    type_id integer NOT NULL,
    retry_count integer DEFAULT 0 NOT NULL,
    verification_retry_count integer DEFAULT 0 NOT NULL,
    state smallint DEFAULT 0 NOT NULL,
    verification_state smallint DEFAULT 0 NOT NULL,
    wanted boolean DEFAULT true NOT NULL,
    missing_on_primary boolean DEFAULT false NOT NULL,
    force_to_redownload boolean DEFAULT false NOT NULL,
    checksum_mismatch boolean DEFAULT false NOT NULL,
    key text NOT NULL,
    locator text NOT NULL,
    stale_locators text[] DEFAULT '{}'::text[] NOT NULL,
    primary_checksum bytea,
    verification_checksum bytea,
    verification_checksum_mismatched bytea,
    last_sync_failure text,
    verification_failure text,
    CONSTRAINT registry_last_sync_failure_check CHECK ((octet_length(last_sync_failure) <= 255)),
    CONSTRAINT registry_state_check CHECK (((state >= 0) AND (state <= 3))),
    CONSTRAINT registry_verification_failure_check CHECK ((octet_length(verification_failure) <= 255)),
    CONSTRAINT registry_verification_state_check CHECK (((verification_state >= 0) AND (verification_state <= 4)))
)
WITH (fillfactor='70');
CREATE TABLE farshore.registry_counts (
    type_id integer NOT NULL,
    registry bigint DEFAULT 0 NOT NULL,
    pending bigint DEFAULT 0 NOT NULL,
    started bigint DEFAULT 0 NOT NULL,
    synced bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    missing_on_primary bigint DEFAULT 0 NOT NULL,
    removing bigint DEFAULT 0 NOT NULL,
    never_synced bigint DEFAULT 0 NOT NULL
);
CREATE TABLE farshore.replicable_type (
    id integer NOT NULL,
    name text NOT NULL,
    plural text NOT NULL,
    store text NOT NULL,
    enabled boolean NOT NULL,
    declared boolean NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    backfill_after bigint DEFAULT '-9223372036854775808'::bigint NOT NULL,
    backfill_complete boolean DEFAULT false NOT NULL,
    resync_after bigint,
    resync_upto bigint,
    recovery_point timestamp with time zone
);
ALTER TABLE farshore.replicable_type ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME farshore.replicable_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY farshore.registry ATTACH PARTITION farshore.file_registry FOR VALUES IN (1);
ALTER TABLE ONLY farshore.registry ATTACH PARTITION farshore.note_registry FOR VALUES IN (2);
INSERT INTO farshore.file_registry VALUES (3, 0, 0, 10, '2026-11-24 22:22:46.635989+00', NULL, '2026-11-24 22:22:46.890467+00', NULL, '2026-11-24 22:22:46.890467+00', NULL, NULL, 1, 0, 0, 2, 2, true, false, false, false, '3', '3', '{}', NULL, '\x6457faf377c6bbd79d7890f10dd0606f006b62e77c476cd140125cb34546646d', NULL, NULL, NULL);
INSERT INTO farshore.file_registry VALUES (1, 0, 0, 10, '2026-11-24 22:22:46.635989+00', NULL, '2026-11-24 22:22:46.892091+00', NULL, '2026-11-24 22:22:46.892091+00', NULL, NULL, 1, 0, 0, 2, 2, true, false, false, false, '1', '1', '{}', NULL, '\x59e709625682d8e5a571a2b11fa44b54c393869f3a49bb67bea1802fc6937972', NULL, NULL, NULL);
INSERT INTO farshore.file_registry VALUES (4, 0, NULL, NULL, '2026-11-24 22:22:46.635989+00', '2026-11-24 22:22:50.098838+00', NULL, NULL, NULL, NULL, NULL, 1, 2, 0, 3, 0, true, true, false, false, '4', '4', '{}', NULL, NULL, NULL, 'file/4 (4): file/4 (4): the primary has no file there; it is asked again from time to time', NULL);
INSERT INTO farshore.file_registry VALUES (2, 1, 1, 10, '2026-11-24 22:22:46.635989+00', NULL, '2026-11-24 22:22:49.111646+00', NULL, '2026-11-24 22:22:49.111646+00', NULL, NULL, 1, 0, 0, 2, 2, true, false, false, false, '2', '2', '{}', NULL, '\x6f8a19765e9146cdf2bd4e4693bc2ce17705df9daa302dbd2ae5d6e052b51863', NULL, NULL, NULL);
INSERT INTO farshore.log_cursor VALUES (true, 1, '7711867005402170993-1-16384-1207553797488168', '753', 1, -1920523366, '755', '2026-11-24 22:22:48.914168+00');
INSERT INTO farshore.migrations VALUES (1, 'secondary: times', '2026-11-24 22:22:42.17897+00');
INSERT INTO farshore.migrations VALUES (2, 'secondary: cursor, types, registry', '2026-11-24 22:22:42.182046+00');
INSERT INTO farshore.migrations VALUES (3, 'secondary: counts', '2026-11-24 22:22:42.216951+00');
INSERT INTO farshore.note_registry VALUES (1, 0, 0, 10, '2026-11-24 22:22:47.00411+00', NULL, '2026-11-24 22:22:47.446825+00', NULL, '2026-11-24 22:22:47.446825+00', NULL, NULL, 2, 0, 0, 2, 2, true, false, false, false, 'a-1', '1', '{}', NULL, '\x59e709625682d8e5a571a2b11fa44b54c393869f3a49bb67bea1802fc6937972', NULL, NULL, NULL);
INSERT INTO farshore.registry_counts VALUES (2, 1, 0, 0, 1, 0, 0, 0, 0);
INSERT INTO farshore.registry_counts VALUES (1, 4, 0, 0, 3, 1, 1, 0, 0);
INSERT INTO farshore.replicable_type OVERRIDING SYSTEM VALUE VALUES (1, 'file', 'files', '/tmp/ops-dump/sstore', true, true, false, 1, 4, true, 0, NULL, '2026-11-24 22:22:47.911962+00');
INSERT INTO farshore.replicable_type OVERRIDING SYSTEM VALUE VALUES (2, 'note', 'notes', '/tmp/ops-dump/sstore2', true, true, false, 1, 1, true, 0, NULL, '2026-11-24 22:22:47.911962+00');
SELECT pg_catalog.setval('farshore.claim_token', 7, true);
SELECT pg_catalog.setval('farshore.replicable_type_id_seq', 2, true);
ALTER TABLE ONLY farshore.file_registry
    ADD CONSTRAINT file_registry_pkey PRIMARY KEY (record_id);
ALTER TABLE ONLY farshore.log_cursor
    ADD CONSTRAINT log_cursor_pkey PRIMARY KEY (one);
ALTER TABLE ONLY farshore.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY farshore.note_registry
    ADD CONSTRAINT note_registry_pkey PRIMARY KEY (record_id);
ALTER TABLE ONLY farshore.registry_counts
    ADD CONSTRAINT registry_counts_pkey PRIMARY KEY (type_id);
ALTER TABLE ONLY farshore.replicable_type
    ADD CONSTRAINT replicable_type_name_key UNIQUE (name);
ALTER TABLE ONLY farshore.replicable_type
    ADD CONSTRAINT replicable_type_pkey PRIMARY KEY (id);
CREATE INDEX registry_due_since ON ONLY farshore.registry USING btree (due_since) WHERE ((due_since IS NOT NULL) AND (NOT missing_on_primary));
CREATE INDEX file_registry_due_since_idx ON farshore.file_registry USING btree (due_since) WHERE ((due_since IS NOT NULL) AND (NOT missing_on_primary));
CREATE INDEX registry_locator ON ONLY farshore.registry USING btree (hashtextextended(locator, (0)::bigint)) WHERE wanted;
CREATE INDEX file_registry_hashtextextended_idx ON farshore.file_registry USING btree (hashtextextended(locator, (0)::bigint)) WHERE wanted;
CREATE INDEX registry_due ON ONLY farshore.registry USING btree (retry_at NULLS FIRST, record_id) WHERE (state <> 2);
CREATE INDEX file_registry_retry_at_record_id_idx ON farshore.file_registry USING btree (retry_at NULLS FIRST, record_id) WHERE (state <> 2);
CREATE INDEX note_registry_due_since_idx ON farshore.note_registry USING btree (due_since) WHERE ((due_since IS NOT NULL) AND (NOT missing_on_primary));
CREATE INDEX note_registry_hashtextextended_idx ON farshore.note_registry USING btree (hashtextextended(locator, (0)::bigint)) WHERE wanted;
CREATE INDEX note_registry_retry_at_record_id_idx ON farshore.note_registry USING btree (retry_at NULLS FIRST, record_id) WHERE (state <> 2);
ALTER INDEX farshore.registry_due_since ATTACH PARTITION farshore.file_registry_due_since_idx;
ALTER INDEX farshore.registry_locator ATTACH PARTITION farshore.file_registry_hashtextextended_idx;
ALTER INDEX farshore.registry_due ATTACH PARTITION farshore.file_registry_retry_at_record_id_idx;
ALTER INDEX farshore.registry_due_since ATTACH PARTITION farshore.note_registry_due_since_idx;
ALTER INDEX farshore.registry_locator ATTACH PARTITION farshore.note_registry_hashtextextended_idx;
ALTER INDEX farshore.registry_due ATTACH PARTITION farshore.note_registry_retry_at_record_id_idx;
CREATE TRIGGER count_delete AFTER DELETE ON farshore.file_registry REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_delete();
CREATE TRIGGER count_delete AFTER DELETE ON farshore.note_registry REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_delete();
CREATE TRIGGER count_delete AFTER DELETE ON farshore.registry REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_delete();
CREATE TRIGGER count_insert AFTER INSERT ON farshore.file_registry REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_insert();
CREATE TRIGGER count_insert AFTER INSERT ON farshore.note_registry REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_insert();
CREATE TRIGGER count_insert AFTER INSERT ON farshore.registry REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_insert();
CREATE TRIGGER count_update AFTER UPDATE ON farshore.file_registry REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_update();
CREATE TRIGGER count_update AFTER UPDATE ON farshore.note_registry REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_update();
CREATE TRIGGER count_update AFTER UPDATE ON farshore.registry REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_update();
