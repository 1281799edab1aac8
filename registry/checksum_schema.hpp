// The migration that makes the primary's state table fit for verification.

#pragma once

namespace farshore {

// Indexes are partial, one for each thing that is looked for, so that a state costs an entry only
// where somebody looks for it: what is fresh (newest and oldest by revision), what is tried again,
// what is in hand, what is due to be read again, what an operator lists as failed, and what is not
// written to the model's own columns yet.
inline constexpr auto checksum_schema_sql = R"(
  ALTER TABLE farshore.state
    ADD COLUMN verification_missing boolean NOT NULL DEFAULT false,
    ADD COLUMN columns_due boolean NOT NULL DEFAULT false;
  CREATE INDEX state_fresh ON farshore.state (type_id, revision, record_id)
    WHERE verification_state = 0 AND verification_retry_at IS NULL;
  CREATE INDEX state_retried ON farshore.state (type_id, verification_retry_at)
    WHERE verification_state IN (0, 3) AND verification_retry_at IS NOT NULL;
  CREATE INDEX state_started ON farshore.state (type_id, record_id) WHERE verification_state = 1;
  CREATE INDEX state_again ON farshore.state (type_id, verification_retry_at)
    WHERE verification_state = 2;
  CREATE INDEX state_failed ON farshore.state (type_id, record_id) WHERE verification_state = 3;
  CREATE INDEX state_columns_due ON farshore.state (type_id, record_id) WHERE columns_due;

  ALTER TABLE farshore.replicable_type
    ADD COLUMN verification text NOT NULL DEFAULT 'state_table',
    ADD COLUMN served boolean NOT NULL DEFAULT true,
    ADD COLUMN columns_to bigint,
    ADD COLUMN reverify text,
    ADD COLUMN reverified_to bigint;

  ALTER TABLE farshore.state_counts
    ADD COLUMN pending bigint NOT NULL DEFAULT 0,
    ADD COLUMN missing bigint NOT NULL DEFAULT 0,
    ADD COLUMN disabled bigint NOT NULL DEFAULT 0;
  UPDATE farshore.state_counts c SET pending = n.pending, disabled = n.disabled
  FROM (SELECT type_id, count(*) FILTER (WHERE verification_state IN (0, 1)) AS pending,
               count(*) FILTER (WHERE verification_state = 4) AS disabled
        FROM farshore.state GROUP BY type_id) AS n
  WHERE c.type_id = n.type_id;

  CREATE OR REPLACE FUNCTION farshore.count_states() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    IF TG_OP = 'INSERT' THEN
      INSERT INTO farshore.state_counts AS c
          (type_id, records, checksummed, checksum_failed, pending, missing, disabled)
        SELECT type_id, count(*), count(*) FILTER (WHERE verification_state = 2),
               count(*) FILTER (WHERE verification_state = 3),
               count(*) FILTER (WHERE verification_state IN (0, 1)),
               count(*) FILTER (WHERE verification_missing),
               count(*) FILTER (WHERE verification_state = 4)
        FROM farshore_new GROUP BY type_id
      ON CONFLICT (type_id) DO UPDATE SET
        records = c.records + excluded.records,
        checksummed = c.checksummed + excluded.checksummed,
        checksum_failed = c.checksum_failed + excluded.checksum_failed,
        pending = c.pending + excluded.pending,
        missing = c.missing + excluded.missing,
        disabled = c.disabled + excluded.disabled;
    ELSIF TG_OP = 'DELETE' THEN
      UPDATE farshore.state_counts AS c SET
        records = c.records - d.records,
        checksummed = c.checksummed - d.checksummed,
        checksum_failed = c.checksum_failed - d.checksum_failed,
        pending = c.pending - d.pending,
        missing = c.missing - d.missing,
        disabled = c.disabled - d.disabled
      FROM (SELECT type_id, count(*) AS records,
                   count(*) FILTER (WHERE verification_state = 2) AS checksummed,
                   count(*) FILTER (WHERE verification_state = 3) AS checksum_failed,
                   count(*) FILTER (WHERE verification_state IN (0, 1)) AS pending,
                   count(*) FILTER (WHERE verification_missing) AS missing,
                   count(*) FILTER (WHERE verification_state = 4) AS disabled
            FROM farshore_old GROUP BY type_id) AS d
      WHERE c.type_id = d.type_id;
    ELSE
      UPDATE farshore.state_counts AS c SET
        checksummed = c.checksummed + d.checksummed,
        checksum_failed = c.checksum_failed + d.checksum_failed,
        pending = c.pending + d.pending,
        missing = c.missing + d.missing,
        disabled = c.disabled + d.disabled
      FROM (SELECT type_id,
                   sum(n * (verification_state = 2)::int) AS checksummed,
                   sum(n * (verification_state = 3)::int) AS checksum_failed,
                   sum(n * (verification_state IN (0, 1))::int) AS pending,
                   sum(n * verification_missing::int) AS missing,
                   sum(n * (verification_state = 4)::int) AS disabled
            FROM (SELECT type_id, verification_state, verification_missing, 1 AS n
                  FROM farshore_new
                  UNION ALL
                  SELECT type_id, verification_state, verification_missing, -1
                  FROM farshore_old) AS both_sides
            GROUP BY type_id) AS d
      WHERE c.type_id = d.type_id
        AND (d.checksummed, d.checksum_failed, d.pending, d.missing, d.disabled)
            <> (0, 0, 0, 0, 0);
    END IF;
    RETURN NULL;
  END $$;
)";

} // namespace farshore
