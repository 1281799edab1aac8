#include "registry/migrations.hpp"

#include <array>

namespace farshore {

namespace {

// Times travel as microseconds since the epoch: whole numbers stay exact in both directions.
constexpr std::string_view times_sql = R"(
  CREATE FUNCTION farshore.at(microseconds bigint) RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN timestamptz '1970-01-01 00:00:00+00' + microseconds * interval '1 microsecond';

  CREATE FUNCTION farshore.microseconds(t timestamptz) RETURNS bigint
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (extract(epoch FROM t) * 1000000)::bigint;
)";

constexpr std::string_view tables_sql = R"(
  CREATE TABLE farshore.log_cursor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 0,
    identity text NOT NULL DEFAULT '',
    xid xid8 NOT NULL DEFAULT '0',
    id bigint NOT NULL DEFAULT 0,
    token integer NOT NULL DEFAULT 0,
    covered_xid xid8 NOT NULL DEFAULT '0',
    horizon timestamptz);
  INSERT INTO farshore.log_cursor DEFAULT VALUES;

  CREATE TABLE farshore.replicable_type (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    plural text NOT NULL,
    store text NOT NULL,
    enabled boolean NOT NULL,
    declared boolean NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    -- The primary's generation that was, or is being, backfilled; 0: none yet.
    generation bigint NOT NULL DEFAULT 0,
    backfill_after bigint NOT NULL DEFAULT -9223372036854775808,
    backfill_complete boolean NOT NULL DEFAULT false,
    -- A resync of all is under way while resync_upto is not null.
    resync_after bigint,
    resync_upto bigint,
    -- The latest recovery point that was told.
    recovery_point timestamptz);

  CREATE SEQUENCE farshore.claim_token;

  -- Columns go from wide to narrow: no padding.
  CREATE TABLE farshore.registry (
    record_id bigint NOT NULL,
    target_revision bigint NOT NULL,
    synced_revision bigint,
    size bigint,
    created_at timestamptz NOT NULL,
    retry_at timestamptz,
    last_synced_at timestamptz,
    due_since timestamptz,
    verified_at timestamptz,
    verification_started_at timestamptz,
    verification_retry_at timestamptz,
    type_id integer NOT NULL,
    retry_count integer NOT NULL DEFAULT 0,
    verification_retry_count integer NOT NULL DEFAULT 0,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    verification_state smallint NOT NULL DEFAULT 0 CHECK (verification_state BETWEEN 0 AND 4),
    wanted boolean NOT NULL DEFAULT true,
    missing_on_primary boolean NOT NULL DEFAULT false,
    force_to_redownload boolean NOT NULL DEFAULT false,
    checksum_mismatch boolean NOT NULL DEFAULT false,
    key text NOT NULL,
    locator text NOT NULL,
    stale_locators text[] NOT NULL DEFAULT '{}',
    primary_checksum bytea,
    verification_checksum bytea,
    verification_checksum_mismatched bytea,
    last_sync_failure text CHECK (octet_length(last_sync_failure) <= 255),
    verification_failure text CHECK (octet_length(verification_failure) <= 255)
  ) PARTITION BY LIST (type_id);

  -- What is claimed, in the order in which it is claimed.
  CREATE INDEX registry_due ON farshore.registry (retry_at NULLS FIRST, record_id)
    WHERE state <> 2;
  -- Live rows by place. A locator is longer than an index entry may be.
  CREATE INDEX registry_locator ON farshore.registry (hashtextextended(locator, 0)) WHERE wanted;
  -- The oldest change that is not here.
  CREATE INDEX registry_due_since ON farshore.registry (due_since)
    WHERE due_since IS NOT NULL AND NOT missing_on_primary;
)";

// Statement-level: a batch costs one update of one row for each type, however many rows it changes.
constexpr std::string_view counts_sql = R"(
  CREATE TABLE farshore.registry_counts (
    type_id integer PRIMARY KEY,
    registry bigint NOT NULL DEFAULT 0,
    pending bigint NOT NULL DEFAULT 0,
    started bigint NOT NULL DEFAULT 0,
    synced bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    missing_on_primary bigint NOT NULL DEFAULT 0,
    removing bigint NOT NULL DEFAULT 0,
    never_synced bigint NOT NULL DEFAULT 0);

  DO $build$
  DECLARE
    kind record;
  BEGIN
    FOR kind IN SELECT * FROM (VALUES
      ('insert', 'SELECT 1 AS sign, * FROM new_rows'),
      ('update', 'SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows'),
      ('delete', 'SELECT -1 AS sign, * FROM old_rows')
    ) AS kinds (event, changed) LOOP
      EXECUTE format($f$
        CREATE FUNCTION farshore.count_%1$s() RETURNS trigger LANGUAGE plpgsql AS $body$
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
            FROM (%2$s) AS changed GROUP BY type_id
          ) AS d
          WHERE c.type_id = d.type_id;
          RETURN NULL;
        END $body$;
      $f$, kind.event, kind.changed);
    END LOOP;
  END $build$;

  -- A statement fires the triggers of the table that it names: the parent, or a partition.
  CREATE FUNCTION farshore.count_changes_of(counted regclass) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('CREATE TRIGGER count_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_insert()', counted);
    EXECUTE format('CREATE TRIGGER count_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows'
                   ' NEW TABLE AS new_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_update()', counted);
    EXECUTE format('CREATE TRIGGER count_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION farshore.count_delete()', counted);
  END $$;
  SELECT farshore.count_changes_of('farshore.registry');

  -- A type's partition has the reference's name. Its key is its own: statements go to it directly,
  -- and a key that began with the type would tell the planner nothing. With room on its page a
  -- row's next version stays there: less to log, and where nothing indexed changed, no new index
  -- entries.
  CREATE FUNCTION farshore.make_partition(partition_name text, type_id integer) RETURNS void
  LANGUAGE plpgsql AS $$
  BEGIN
    EXECUTE format('CREATE TABLE farshore.%I PARTITION OF farshore.registry (PRIMARY KEY (record_id))'
                   ' FOR VALUES IN (%s) WITH (fillfactor = 70)', partition_name, type_id);
    PERFORM farshore.count_changes_of(format('farshore.%I', partition_name)::regclass);
    INSERT INTO farshore.registry_counts (type_id) VALUES (type_id);
  END $$;
)";

// Suspects lie apart from the rows: a check of millions finds few, and writes no row for the
// others.
constexpr std::string_view walks_sql = R"(
  ALTER TABLE farshore.replicable_type
    ADD COLUMN walk_stage smallint NOT NULL DEFAULT 0 CHECK (walk_stage BETWEEN 0 AND 2),
    ADD COLUMN walk_seen bigint NOT NULL DEFAULT 0,
    ADD COLUMN found_missing bigint NOT NULL DEFAULT 0,
    ADD COLUMN found_gone bigint NOT NULL DEFAULT 0,
    ADD COLUMN held bigint NOT NULL DEFAULT 0,
    ADD COLUMN walk_ended_at timestamptz;

  CREATE TABLE farshore.suspect (
    record_id bigint NOT NULL,
    type_id integer NOT NULL,
    -- 0 seen, 1 confirmed, 2 held, 3 approved
    suspicion smallint NOT NULL DEFAULT 0 CHECK (suspicion BETWEEN 0 AND 3),
    PRIMARY KEY (type_id, record_id));
)";

// Types that share a store share its row. The id is empty while nothing is known of the store.
constexpr std::string_view stores_sql = R"(
  CREATE TABLE farshore.store (
    path text PRIMARY KEY,
    identity text NOT NULL,
    counter bigint NOT NULL,
    -- The file may say counter + 1 already.
    pending boolean NOT NULL,
    device bigint NOT NULL,
    noticed text NOT NULL,
    noticed_at timestamptz);
)";

// verified_at is in no index, and in none's condition: what is verified at rest again and again
// changes in place. Marked rows, and those that wait for the primary's checksum, are told apart by
// unverified_since.
constexpr std::string_view verification_sql = R"(
  ALTER TABLE farshore.registry ADD COLUMN unverified_since timestamptz;
  CREATE INDEX registry_unverified_since ON farshore.registry (unverified_since)
    WHERE unverified_since IS NOT NULL AND NOT missing_on_primary;
  CREATE INDEX registry_marked ON farshore.registry (record_id)
    WHERE state = 2 AND verification_state = 0 AND unverified_since IS NULL;

  ALTER TABLE farshore.replicable_type
    -- The primary checksums the type.
    ADD COLUMN verifies boolean NOT NULL DEFAULT true,
    -- The walk at rest goes on behind this record.
    ADD COLUMN walked_at_rest bigint NOT NULL DEFAULT -9223372036854775808,
    -- A reverify of all is under way while reverify_upto is not null.
    ADD COLUMN reverify_after bigint,
    ADD COLUMN reverify_upto bigint,
    -- The latest recovery point of what is verified that was told.
    ADD COLUMN verified_point timestamptz;

  ALTER TABLE farshore.registry_counts
    ADD COLUMN verified bigint NOT NULL DEFAULT 0,
    ADD COLUMN verification_pending bigint NOT NULL DEFAULT 0,
    ADD COLUMN verification_disabled bigint NOT NULL DEFAULT 0,
    ADD COLUMN marked bigint NOT NULL DEFAULT 0,
    ADD COLUMN verification_failed bigint NOT NULL DEFAULT 0,
    ADD COLUMN never_verified bigint NOT NULL DEFAULT 0;

  DO $build$
  DECLARE
    kind record;
  BEGIN
    FOR kind IN SELECT * FROM (VALUES
      ('insert', 'SELECT 1 AS sign, * FROM new_rows'),
      ('update', 'SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows'),
      ('delete', 'SELECT -1 AS sign, * FROM old_rows')
    ) AS kinds (event, changed) LOOP
      EXECUTE format($f$
        CREATE OR REPLACE FUNCTION farshore.count_%1$s() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          UPDATE farshore.registry_counts AS c SET
            registry = c.registry + d.registry,
            pending = c.pending + d.pending,
            started = c.started + d.started,
            synced = c.synced + d.synced,
            failed = c.failed + d.failed,
            missing_on_primary = c.missing_on_primary + d.missing_on_primary,
            removing = c.removing + d.removing,
            never_synced = c.never_synced + d.never_synced,
            verified = c.verified + d.verified,
            verification_pending = c.verification_pending + d.verification_pending,
            verification_disabled = c.verification_disabled + d.verification_disabled,
            marked = c.marked + d.marked,
            verification_failed = c.verification_failed + d.verification_failed,
            never_verified = c.never_verified + d.never_verified
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
                                               AND NOT missing_on_primary), 0) AS never_synced,
              coalesce(sum(sign) FILTER (WHERE state = 2 AND verification_state = 2), 0)
                AS verified,
              coalesce(sum(sign) FILTER (WHERE state = 2 AND verification_state = 0), 0)
                AS verification_pending,
              coalesce(sum(sign) FILTER (WHERE state = 2 AND verification_state = 4), 0)
                AS verification_disabled,
              coalesce(sum(sign) FILTER (WHERE state = 2 AND verification_state = 0
                                               AND unverified_since IS NULL), 0) AS marked,
              coalesce(sum(sign) FILTER (WHERE verification_state = 3), 0)
                AS verification_failed,
              coalesce(sum(sign) FILTER (WHERE verified_at IS NULL AND unverified_since IS NULL
                                               AND NOT missing_on_primary), 0) AS never_verified
            FROM (%2$s) AS changed GROUP BY type_id
          ) AS d
          WHERE c.type_id = d.type_id;
          RETURN NULL;
        END $body$;
      $f$, kind.event, kind.changed);
    END LOOP;
  END $build$;

  UPDATE farshore.registry_counts AS c SET
    verified = n.verified,
    verification_pending = n.verification_pending,
    marked = n.verification_pending,
    verification_failed = n.verification_failed,
    never_verified = n.never_verified
  FROM (
    SELECT type_id,
      count(*) FILTER (WHERE state = 2 AND verification_state = 2) AS verified,
      count(*) FILTER (WHERE state = 2 AND verification_state = 0) AS verification_pending,
      count(*) FILTER (WHERE verification_state = 3) AS verification_failed,
      count(*) FILTER (WHERE verified_at IS NULL AND NOT missing_on_primary) AS never_verified
    FROM farshore.registry GROUP BY type_id
  ) AS n
  WHERE c.type_id = n.type_id;
)";

constexpr std::string_view scope_sql = R"(
  -- What the site wants; empty: everything.
  ALTER TABLE farshore.log_cursor ADD COLUMN scope text NOT NULL DEFAULT '';
  -- 4: outside of the scope
  ALTER TABLE farshore.suspect DROP CONSTRAINT suspect_suspicion_check,
    ADD CONSTRAINT suspect_suspicion_check CHECK (suspicion BETWEEN 0 AND 4);
)";

constexpr std::string_view repositories_sql = R"(
  ALTER TABLE farshore.registry
    ADD COLUMN pool text,
    ADD COLUMN findings text CHECK (octet_length(findings) <= 2000);
  CREATE INDEX registry_findings ON farshore.registry (record_id) WHERE findings IS NOT NULL;
)";

// For pages of what is wrong: few rows, which a walk by record would look for among all.
constexpr std::string_view lists_sql = R"(
  CREATE INDEX registry_failed ON farshore.registry (record_id) WHERE state = 3;
  CREATE INDEX registry_damaged ON farshore.registry (record_id) WHERE verification_state = 3;
)";

constexpr std::array secondary_steps{
    migration{1, "secondary: times", times_sql},
    migration{2, "secondary: cursor, types, registry", tables_sql},
    migration{3, "secondary: counts", counts_sql},
    migration{4, "secondary: walks and suspects", walks_sql},
    migration{5, "secondary: stores", stores_sql},
    migration{6, "secondary: verification", verification_sql},
    migration{7, "secondary: scope", scope_sql},
    migration{8, "secondary: repositories", repositories_sql},
    migration{9, "secondary: lists", lists_sql},
};

} // namespace

std::span<const migration> secondary_migrations() {
  return secondary_steps;
}

} // namespace farshore
