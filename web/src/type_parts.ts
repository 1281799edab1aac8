// A type's records, by how they stand.

import type { PrimaryType, SecondaryType } from './documents';
import type { Part } from './parts/bar';
import { href } from './router';

export function partsOf(type: SecondaryType): Part[] {
  const list = (query: Record<string, string>): string => href(['types', type.name, 'records'], query);
  return [
    {
      kind: 'verified',
      label: 'verified',
      count: type.verified_count,
      title: 'Here, read again from the disk, and the same as on the primary.',
      href: list({ verification: 'succeeded' }),
    },
    {
      kind: 'synced',
      label: 'synced',
      count: Math.max(0, type.synced_count - type.verified_count),
      title: 'Here, and not verified yet.',
      href: list({ state: 'synced' }),
    },
    {
      kind: 'waiting',
      label: 'waiting',
      count: type.pending_count + type.started_count,
      title: 'Due to be fetched or removed, or in hand.',
      href: list({ state: 'pending' }),
    },
    {
      kind: 'failed',
      label: 'failed',
      count: Math.max(0, type.failed_count - type.missing_on_primary_count),
      title: 'Could not be synced; tried again, ever less often.',
      href: list({ state: 'failed' }),
    },
    {
      kind: 'missing',
      label: 'missing',
      count: type.missing_on_primary_count,
      title: 'The primary has the row, but not the file.',
      href: list({ missing: 'true' }),
    },
  ];
}

export function ownPartsOf(type: PrimaryType): Part[] {
  const list = (state: string): string => href(['types', type.name, 'records'], { state });
  const parts: Part[] = [
    {
      kind: 'verified',
      label: 'checksummed',
      count: type.checksummed_count,
      title: 'Read, and its checksum is known.',
      href: list('succeeded'),
    },
    { kind: 'waiting', label: 'waiting', count: type.checksum_pending_count, href: list('pending') },
    {
      kind: 'failed',
      label: 'unreadable',
      count: Math.max(0, type.checksum_failed_count - type.checksum_missing_count),
      title: 'It is there, but could not be read.',
      href: list('failed'),
    },
    {
      kind: 'missing',
      label: 'missing',
      count: type.checksum_missing_count,
      title: 'There is no file where the row says.',
      href: list('failed'),
    },
  ];
  if (type.checksum_disabled_count > 0)
    parts.push({
      kind: 'off',
      label: 'not verified',
      count: type.checksum_disabled_count,
      title: 'Not available, or of a type with verification = "off".',
      href: list('disabled'),
    });
  return parts;
}
