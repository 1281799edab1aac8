CREATE SCHEMA farshore;
CREATE FUNCTION farshore.count_states() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  BEGIN
    IF TG_OP = 'INSERT' THEN
      INSERT INTO farshore.state_counts AS c
        SELECT type_id, count(*), count(*) FILTER (WHERE verification_state = 2),
               count(*) FILTER (WHERE verification_state = 3)
        FROM farshore_new GROUP BY type_id
      ON CONFLICT (type_id) DO UPDATE SET
        records = c.records + excluded.records,
        checksummed = c.checksummed + excluded.checksummed,
        checksum_failed = c.checksum_failed + excluded.checksum_failed;
    ELSIF TG_OP = 'DELETE' THEN
      UPDATE farshore.state_counts AS c SET
        records = c.records - d.records,
        checksummed = c.checksummed - d.checksummed,
        checksum_failed = c.checksum_failed - d.checksum_failed
      FROM (SELECT type_id, count(*) AS records,
                   count(*) FILTER (WHERE verification_state = 2) AS checksummed,
                   count(*) FILTER (WHERE verification_state = 3) AS checksum_failed
            FROM farshore_old GROUP BY type_id) AS d
      WHERE c.type_id = d.type_id;
    ELSE
      UPDATE farshore.state_counts AS c SET
        checksummed = c.checksummed + d.checksummed,
        checksum_failed = c.checksum_failed + d.checksum_failed
      FROM (SELECT type_id,
                   sum(n * (verification_state = 2)::int) AS checksummed,
                   sum(n * (verification_state = 3)::int) AS checksum_failed
            FROM (SELECT type_id, verification_state, 1 AS n FROM farshore_new
                  UNION ALL
                  SELECT type_id, verification_state, -1 FROM farshore_old) AS both_sides
            GROUP BY type_id) AS d
      WHERE c.type_id = d.type_id AND (d.checksummed <> 0 OR d.checksum_failed <> 0);
    END IF;
    RETURN NULL;
  END $$;
CREATE FUNCTION farshore.log_file_del() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 20 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, record_id)
    SELECT 1, 3, r."id" FROM farshore_old AS r WHERE r."id" IS NOT NULL;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (1, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_file_ins() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 20 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, record_id)
    SELECT 1, 1, r."id" FROM farshore_new AS r WHERE r."id" IS NOT NULL;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (1, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_file_tru() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  INSERT INTO farshore.event_log (type_id, operation) VALUES (1, 4);
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_file_upd() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 20 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, record_id)
    SELECT 1, CASE WHEN o.k IS NULL THEN 1 WHEN n.k IS NULL THEN 3 ELSE 2 END, coalesce(n.k, o.k)
    FROM (SELECT r."id" AS k FROM farshore_old AS r WHERE r."id" IS NOT NULL) AS o
    FULL JOIN (SELECT r."id" AS k FROM farshore_new AS r WHERE r."id" IS NOT NULL) AS n ON n.k = o.k;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (1, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_note_del() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 25 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, key)
    SELECT 2, 3, r."id"::text FROM farshore_old AS r WHERE r."id" IS NOT NULL;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (2, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_note_ins() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 25 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, key)
    SELECT 2, 1, r."id"::text FROM farshore_new AS r WHERE r."id" IS NOT NULL;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (2, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_note_tru() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  INSERT INTO farshore.event_log (type_id, operation) VALUES (2, 4);
  RETURN NULL;
END$$;
CREATE FUNCTION farshore.log_note_upd() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attname = E'id' AND a.atttypid = 25 AND NOT a.attisdropped) THEN
    INSERT INTO farshore.event_log (type_id, operation, key)
    SELECT 2, CASE WHEN o.k IS NULL THEN 1 WHEN n.k IS NULL THEN 3 ELSE 2 END, coalesce(n.k, o.k)::text
    FROM (SELECT r."id" AS k FROM farshore_old AS r WHERE r."id" IS NOT NULL) AS o
    FULL JOIN (SELECT r."id" AS k FROM farshore_new AS r WHERE r."id" IS NOT NULL) AS n ON n.k = o.k;
  ELSE
    INSERT INTO farshore.event_log (type_id, operation) VALUES (2, 0);
  END IF;
  RETURN NULL;
END$$;
CREATE SEQUENCE farshore.event_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE farshore.event_log (
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id bigint DEFAULT nextval('farshore.event_id'::regclass) NOT NULL,
    type_id integer NOT NULL,
    operation smallint NOT NULL,
    token integer DEFAULT (((random() * ('4294967295'::bigint)::double precision) - ('2147483648'::bigint)::double precision))::integer NOT NULL,
    record_id bigint,
    key text
);
CREATE TABLE farshore.log_cursor (
    name text NOT NULL,
    xid xid8 NOT NULL,
    id bigint NOT NULL,
    token integer NOT NULL
);
CREATE TABLE farshore.migrations (
    number integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE farshore.record_keys (
    type_id integer NOT NULL,
    key text NOT NULL,
    record_id bigint NOT NULL
);
ALTER TABLE farshore.record_keys ALTER COLUMN record_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME farshore.record_keys_record_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE farshore.replicable_type (
    type_id integer NOT NULL,
    name text NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    revision_floor bigint DEFAULT 0 NOT NULL,
    declaration text DEFAULT ''::text NOT NULL,
    table_oid oid,
    key_column text DEFAULT ''::text NOT NULL,
    key_kind text DEFAULT ''::text NOT NULL,
    leaves text DEFAULT ''::text NOT NULL,
    seeded boolean DEFAULT false NOT NULL,
    seeded_to text,
    pruned boolean DEFAULT false NOT NULL,
    pruned_to bigint
);
ALTER TABLE farshore.replicable_type ALTER COLUMN type_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME farshore.replicable_type_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE farshore.site_identity (
    number bigint NOT NULL
);
CREATE TABLE farshore.state (
    type_id integer NOT NULL,
    record_id bigint NOT NULL,
    revision bigint NOT NULL,
    verification_state smallint DEFAULT 0 NOT NULL,
    verification_retry_count smallint DEFAULT 0 NOT NULL,
    verification_started_at timestamp with time zone,
    verification_retry_at timestamp with time zone,
    verified_at timestamp with time zone,
    verification_checksum bytea,
    verification_failure text,
    CONSTRAINT state_verification_failure_check CHECK ((char_length(verification_failure) <= 255))
)
WITH (fillfactor='85');
CREATE TABLE farshore.state_counts (
    type_id integer NOT NULL,
    records bigint NOT NULL,
    checksummed bigint NOT NULL,
    checksum_failed bigint NOT NULL
);
CREATE TABLE public.files (
    id bigint NOT NULL,
    path text NOT NULL
);
CREATE TABLE public.notes (
    id text NOT NULL,
    path text
);
INSERT INTO farshore.event_log VALUES ('753', 1, 1, 2, -1920523366, 2, NULL);
INSERT INTO farshore.log_cursor VALUES ('primary', '753', 1, -1920523366);
INSERT INTO farshore.migrations VALUES (1, 'primary: event log', '2026-11-24 22:22:42.308827+00');
INSERT INTO farshore.migrations VALUES (2, 'primary: replicable types and their keys', '2026-11-24 22:22:42.351824+00');
INSERT INTO farshore.migrations VALUES (3, 'primary: state table and its counts', '2026-11-24 22:22:42.392872+00');
INSERT INTO farshore.record_keys OVERRIDING SYSTEM VALUE VALUES (2, 'a-1', 1);
INSERT INTO farshore.replicable_type VALUES (1, 'file', 1, 0, '5:files
2:id
4:path
0:
0:
', 16386, 'id', 'integer', '', true, '4', true, NULL);
INSERT INTO farshore.replicable_type VALUES (2, 'note', 1, 0, '5:notes
2:id
4:path
0:
0:
', 16393, 'id', 'text', '', true, 'a-1', true, NULL);
INSERT INTO farshore.site_identity VALUES (1207553797488168);
INSERT INTO farshore.state VALUES (1, 1, 0, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO farshore.state VALUES (1, 3, 0, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO farshore.state VALUES (1, 4, 0, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO farshore.state VALUES (2, 1, 0, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO farshore.state VALUES (1, 2, 1, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO farshore.state_counts VALUES (1, 4, 0, 0);
INSERT INTO farshore.state_counts VALUES (2, 1, 0, 0);
INSERT INTO public.files VALUES (1, '1');
INSERT INTO public.files VALUES (3, '3');
INSERT INTO public.files VALUES (4, '4');
INSERT INTO public.files VALUES (2, '2');
INSERT INTO public.notes VALUES ('a-1', '1');
SELECT pg_catalog.setval('farshore.event_id', 1, true);
SELECT pg_catalog.setval('farshore.record_keys_record_id_seq', 1, true);
SELECT pg_catalog.setval('farshore.replicable_type_type_id_seq', 2, true);
ALTER TABLE ONLY farshore.log_cursor
    ADD CONSTRAINT log_cursor_pkey PRIMARY KEY (name);
ALTER TABLE ONLY farshore.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (number);
ALTER TABLE ONLY farshore.record_keys
    ADD CONSTRAINT record_keys_pkey PRIMARY KEY (type_id, key);
ALTER TABLE ONLY farshore.replicable_type
    ADD CONSTRAINT replicable_type_name_key UNIQUE (name);
ALTER TABLE ONLY farshore.replicable_type
    ADD CONSTRAINT replicable_type_pkey PRIMARY KEY (type_id);
ALTER TABLE ONLY farshore.state_counts
    ADD CONSTRAINT state_counts_pkey PRIMARY KEY (type_id);
ALTER TABLE ONLY farshore.state
    ADD CONSTRAINT state_pkey PRIMARY KEY (type_id, record_id);
ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX event_log_place ON farshore.event_log USING btree (xid, id);
CREATE UNIQUE INDEX record_keys_record ON farshore.record_keys USING btree (type_id, record_id);
CREATE TRIGGER state_delete AFTER DELETE ON farshore.state REFERENCING OLD TABLE AS farshore_old FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_states();
CREATE TRIGGER state_insert AFTER INSERT ON farshore.state REFERENCING NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_states();
CREATE TRIGGER state_update AFTER UPDATE ON farshore.state REFERENCING OLD TABLE AS farshore_old NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_states();
CREATE TRIGGER farshore_file_del AFTER DELETE ON public.files REFERENCING OLD TABLE AS farshore_old FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_file_del();
ALTER TABLE public.files ENABLE ALWAYS TRIGGER farshore_file_del;
CREATE TRIGGER farshore_file_ins AFTER INSERT ON public.files REFERENCING NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_file_ins();
ALTER TABLE public.files ENABLE ALWAYS TRIGGER farshore_file_ins;
CREATE TRIGGER farshore_file_tru AFTER TRUNCATE ON public.files FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_file_tru();
ALTER TABLE public.files ENABLE ALWAYS TRIGGER farshore_file_tru;
CREATE TRIGGER farshore_file_upd AFTER UPDATE ON public.files REFERENCING OLD TABLE AS farshore_old NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_file_upd();
ALTER TABLE public.files ENABLE ALWAYS TRIGGER farshore_file_upd;
CREATE TRIGGER farshore_note_del AFTER DELETE ON public.notes REFERENCING OLD TABLE AS farshore_old FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_note_del();
ALTER TABLE public.notes ENABLE ALWAYS TRIGGER farshore_note_del;
CREATE TRIGGER farshore_note_ins AFTER INSERT ON public.notes REFERENCING NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_note_ins();
ALTER TABLE public.notes ENABLE ALWAYS TRIGGER farshore_note_ins;
CREATE TRIGGER farshore_note_tru AFTER TRUNCATE ON public.notes FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_note_tru();
ALTER TABLE public.notes ENABLE ALWAYS TRIGGER farshore_note_tru;
CREATE TRIGGER farshore_note_upd AFTER UPDATE ON public.notes REFERENCING OLD TABLE AS farshore_old NEW TABLE AS farshore_new FOR EACH STATEMENT EXECUTE FUNCTION farshore.log_note_upd();
ALTER TABLE public.notes ENABLE ALWAYS TRIGGER farshore_note_upd;
REVOKE ALL ON FUNCTION farshore.log_file_del() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_file_ins() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_file_tru() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_file_upd() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_note_del() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_note_ins() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_note_tru() FROM PUBLIC;
REVOKE ALL ON FUNCTION farshore.log_note_upd() FROM PUBLIC;
