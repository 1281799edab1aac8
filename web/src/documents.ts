// What the node answers (docs/reference/api.md); the fields that the page shows, and no others.

export type Level = 'viewer' | 'operator';

export interface Session {
  name: string;
  level: Level;
  site: string;
  csrf: string;
  expires_at: string;
}

export interface Check {
  stage: 'none' | 'reading' | 'confirming';
  seen: number;
  missing: number;
  gone: number;
  held: number;
  ended_at: string | null;
}

export interface TypeBase {
  name: string;
  plural: string;
  enabled: boolean;
  waiting: string | null;
}

export interface SecondaryType extends TypeBase {
  paused: boolean;
  backfill_complete: boolean;
  check: Check;
  registry_count: number;
  pending_count: number;
  started_count: number;
  synced_count: number;
  failed_count: number;
  missing_on_primary_count: number;
  removing_count: number;
  out_of_scope_count: number | null;
  verified_count: number;
  verification_pending_count: number;
  verification_failed_count: number;
  verification_disabled_count: number;
  marking: boolean;
  reverifying: boolean;
  in_flight: number;
  short_of_space: string | null;
  recovery_point: string | null;
  verified_recovery_point: string | null;
  store: { path: string; identity: string | null; state: string | null; noticed: string | null };
}

export interface Scan {
  watch: 'on' | 'off';
  not_watched: string | null;
  last_scan: string | null;
  last_scan_ms: number;
  files: number;
  held_removals_count: number;
  closed_folders_count: number;
}

export interface PrimaryType extends TypeBase {
  count: number;
  checksummed_count: number;
  checksum_pending_count: number;
  checksum_failed_count: number;
  checksum_missing_count: number;
  checksum_disabled_count: number;
  verification: string;
  verify_only: boolean;
  unsupported_count?: number;
  scan?: Scan | null;
}

export interface Site {
  site: string;
  last_seen: string;
  first_seen: string;
  cut_off: boolean;
  lag_events: number | null;
  lag_seconds: number | null;
  held_bytes: number;
  holds_log: boolean;
  version: string | null;
  wire: string;
  address: string;
}

interface StatusBase {
  site: string;
  version: string;
  time: string;
  health: 'ok' | 'starting' | 'degraded';
  problems: string[];
}

export interface SecondaryStatus extends StatusBase {
  role: 'secondary';
  primary: {
    url: string;
    reachable: boolean;
    last_contact: string | null;
    error: string | null;
  };
  epoch: number;
  log: {
    xid: number;
    id: number;
    horizon: string | null;
    gap: string | null;
    blocker: { pid: number; age_seconds: number } | null;
  };
  recovery_point: string | null;
  verified_recovery_point: string | null;
  capacity: { total: number; in_flight: number };
  bandwidth: { cap: number | null; rate: number };
  transferred: { records: number; bytes: number; adopted: number };
  types: SecondaryType[];
}

export interface PrimaryStatus extends StatusBase {
  role: 'primary';
  identity: string;
  log: { fold_lag_events: number };
  sites: Site[];
  types: PrimaryType[];
}

export type Status = SecondaryStatus | PrimaryStatus;

export type SyncState = 'pending' | 'started' | 'synced' | 'failed';
export type VerificationState = 'pending' | 'started' | 'succeeded' | 'failed' | 'disabled';

/** A row of a secondary's registry. */
export interface RegistryRow {
  record_id: number;
  key: string;
  locator: string;
  state: SyncState;
  target_revision: number;
  synced_revision: number | null;
  wanted: boolean;
  missing_on_primary: boolean;
  retry_count: number;
  retry_at: string | null;
  last_sync_failure: string | null;
  last_synced_at: string | null;
  checksum: string | null;
  size: number | null;
  primary_checksum: string | null;
  verification_state: VerificationState;
  verified_at: string | null;
  verification_failure: string | null;
  checksum_mismatch: boolean;
  verification_checksum_mismatched: string | null;
  force_to_redownload: boolean;
}

/** How the primary's own copy of a record stands. */
export interface ChecksumRow {
  record_id: number;
  key: string;
  revision: number;
  verification_state: VerificationState;
  missing: boolean;
  verification_retry_count: number;
  verification_retry_at: string | null;
  verified_at: string | null;
  verification_failure: string | null;
  verification_checksum: string | null;
}

/** A record, and what is to be told of it. */
export interface Story<Row> {
  record: Row;
  story: { at: string; what: string }[];
  summary: string;
  cause: string | null;
  next_step: string;
}

export interface Job {
  id: number;
  action: string;
  type: string | null;
  which: string;
  by: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  began_at: string;
  ended_at: string | null;
  done: number;
  total: number | null;
  at: string | null;
  error: string | null;
  can_be_cancelled: boolean;
  marked?: number;
  approved?: number;
}

export interface ListPage<Row> {
  records: Row[];
  next: number | null;
}

export interface Unsupported {
  locator: string;
  what: string;
}

export interface Orphans {
  state: 'none' | 'running' | 'done';
  type: string | null;
  files: number;
  found: number;
  removed: number;
  held: number;
  trouble: string | null;
  orphans: string[];
}

export interface Difference {
  record_id: number;
  key: string;
  what: string;
  fault?: string | null;
}

export interface Comparison {
  state: 'none' | 'running' | 'done';
  began_at: string | null;
  at: string | null;
  digest_here: string | null;
  digest_there: string | null;
  types: {
    name: string;
    equal: boolean;
    trouble: string | null;
    records_here: number;
    records_there: number;
    more: boolean;
    differences: Difference[];
  }[];
}
