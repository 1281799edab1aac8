import { useEffect, useState } from 'preact/hooks';
import type { ChecksumRow, PrimaryType, RegistryRow, SecondaryType, Status } from '../documents';
import { bytes, path } from '../format';
import { RecordList, type Column } from '../parts/record_list';
import { Standing } from '../parts/standing';
import { Ago } from '../parts/time';
import { go, href, route } from '../router';
import { standingOf, standingOfOwn } from '../words';

interface Filter {
  label: string;
  query: Record<string, string>;
  total: (type: never) => number;
}

const ofSecondary: Filter[] = [
  { label: 'All', query: {}, total: (type: SecondaryType) => type.registry_count },
  { label: 'Verified', query: { verification: 'succeeded' }, total: (type: SecondaryType) => type.verified_count },
  { label: 'Synced', query: { state: 'synced' }, total: (type: SecondaryType) => type.synced_count },
  { label: 'Waiting', query: { state: 'pending' }, total: (type: SecondaryType) => type.pending_count },
  { label: 'Being synced', query: { state: 'started' }, total: (type: SecondaryType) => type.started_count },
  { label: 'Failed or missing', query: { state: 'failed' }, total: (type: SecondaryType) => type.failed_count },
  {
    label: 'Missing on the primary',
    query: { missing: 'true' },
    total: (type: SecondaryType) => type.missing_on_primary_count,
  },
  { label: 'Damaged here', query: { verification: 'failed' }, total: (type: SecondaryType) => type.verification_failed_count },
];

const ofPrimary: Filter[] = [
  { label: 'All', query: {}, total: (type: PrimaryType) => type.count },
  { label: 'Checksummed', query: { state: 'succeeded' }, total: (type: PrimaryType) => type.checksummed_count },
  { label: 'Waiting', query: { state: 'pending' }, total: (type: PrimaryType) => type.checksum_pending_count },
  {
    label: 'Missing or unreadable',
    query: { state: 'failed' },
    total: (type: PrimaryType) => type.checksum_failed_count,
  },
  { label: 'Not verified', query: { state: 'disabled' }, total: (type: PrimaryType) => type.checksum_disabled_count },
];

function registryColumns(type: string): Column<RegistryRow>[] {
  return [
    {
      name: 'Record',
      width: 'minmax(0, 1fr)',
      cell: (row) => (
        <a class="record" href={href(['types', type, 'records', row.record_id])}>
          <span class="id">{row.key}</span>
          <span class="locator">{path(row.locator)}</span>
        </a>
      ),
    },
    { name: 'State', width: '13.5rem', cell: (row) => <Standing of={standingOf(row)} /> },
    {
      name: 'Size',
      width: '5rem',
      wide: true,
      right: true,
      cell: (row) => <span class="number">{row.size === null ? '–' : bytes(row.size)}</span>,
    },
    {
      name: 'Synced',
      width: '9rem',
      wide: true,
      cell: (row) => (row.last_synced_at ? <Ago at={row.last_synced_at} /> : '–'),
    },
  ];
}

function checksumColumns(type: string): Column<ChecksumRow>[] {
  return [
    {
      name: 'Record',
      width: '10rem',
      cell: (row) => (
        <a class="record" href={href(['types', type, 'records', row.record_id])}>
          <span class="id">{row.key}</span>
        </a>
      ),
    },
    { name: 'State', width: '10rem', cell: (row) => <Standing of={standingOfOwn(row)} /> },
    {
      name: 'Checksum, or what is wrong',
      width: 'minmax(0, 1fr)',
      wide: true,
      cell: (row) =>
        row.verification_failure ?? (row.verification_checksum ? <code>{row.verification_checksum}</code> : '–'),
    },
  ];
}

/** Which of the filters the address names; the first where it names none. */
function chosen(filters: Filter[], query: URLSearchParams): Filter {
  return (
    filters.find((one) => {
      const named = Object.entries(one.query);
      return named.length > 0 && named.every(([key, value]) => query.get(key) === value);
    }) ?? filters[0]!
  );
}

export function Records({ now, name }: { now: Status; name: string }) {
  const type = now.types.find((one) => one.name === name)!;
  const filters = now.role === 'secondary' ? ofSecondary : ofPrimary;
  const filter = chosen(filters, route.value.query);
  const fromText = route.value.query.get('from') ?? '';
  const from = /^\d+$/.test(fromText) ? Number(fromText) - 1 : null;
  const text = route.value.query.get('text') ?? '';
  const [entered, setEntered] = useState({ from: fromText, text });
  useEffect(() => setEntered({ from: fromText, text }), [fromText, text]);

  const to = (type_name: string, query: Record<string, string>, more: Record<string, string>): string =>
    href(['types', type_name, 'records'], { ...query, ...more });
  const all = from === null && text === '' && filter === filters[0];
  const shared = {
    // Locators are searched as they are written.
    query: new URLSearchParams({ ...filter.query, ...(text ? { text: encodeURI(text) } : {}) }),
    from,
    label: `Records of ${name}`,
    total: from === null && text === '' ? filter.total(type as never) : null,
    empty: all ? `${name} has no records.` : 'No record is so.',
  };
  return (
    <div class="records-page">
      <div class="page-head">
        <h1>Records</h1>
      </div>
      <form
        class="filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          go(to(name, filter.query, { from: entered.from.trim(), text: entered.text.trim() }));
        }}
      >
        <label>
          Type
          <select value={name} onChange={(event) => go(to(event.currentTarget.value, {}, {}))}>
            {now.types.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          State
          <select
            value={filter.label}
            onChange={(event) => {
              const next = filters.find((one) => one.label === event.currentTarget.value)!;
              go(to(name, next.query, { from: fromText, text }));
            }}
          >
            {filters.map((one) => (
              <option key={one.label} value={one.label}>
                {one.label}
              </option>
            ))}
          </select>
        </label>
        {now.role === 'secondary' ? (
          <label class="text">
            Path contains
            <input
              type="search"
              value={entered.text}
              spellcheck={false}
              onInput={(event) => setEntered({ ...entered, text: event.currentTarget.value })}
            />
          </label>
        ) : null}
        <label>
          From record number
          <input
            type="search"
            inputMode="numeric"
            pattern="[0-9]*"
            placeholder="the first"
            value={entered.from}
            onInput={(event) => setEntered({ ...entered, from: event.currentTarget.value })}
          />
        </label>
        <button type="submit" class="plain">
          Show
        </button>
      </form>
      {now.role === 'secondary' ? (
        <RecordList<RegistryRow>
          {...shared}
          key={name}
          path={`/api/v1/registry/${encodeURIComponent(name)}`}
          columns={registryColumns(name)}
          keyOf={(row) => row.record_id}
        />
      ) : (
        <RecordList<ChecksumRow>
          {...shared}
          key={name}
          path={`/api/v1/verification/${encodeURIComponent(name)}`}
          columns={checksumColumns(name)}
          keyOf={(row) => row.record_id}
        />
      )}
    </div>
  );
}
