// A list of records of any length: only the rows in sight are in the document.

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { sentenceOf } from '../api';
import { count } from '../format';
import { status } from '../live';
import { PagedRows } from '../paged_rows';

export interface Column<Row> {
  name: string;
  /** Of the grid: "minmax(0, 1fr)". */
  width: string;
  /** Left out where there is little room. */
  wide?: boolean;
  right?: boolean;
  cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
  path: string;
  query: URLSearchParams;
  from: number | null;
  columns: Column<Row>[];
  label: string;
  /** As the status counts them; null where it does not count these. */
  total: number | null;
  /** Where there is none. */
  empty: string;
  keyOf: (row: Row) => number;
}

const rowHeight = 44;
const narrowRowHeight = 68;
const narrow = matchMedia('(max-width: 720px)');
const refreshEvery = 2000;

function classOf({ wide, right }: { wide?: boolean; right?: boolean }): string {
  return [wide ? 'wide' : '', right ? 'right' : ''].filter(Boolean).join(' ');
}

export function RecordList<Row>({ path, query, from, columns, label, total, empty, keyOf }: Props<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [rows, setRows] = useState<PagedRows<Row> | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const search = query.toString();

  useEffect(() => {
    setFailure(null);
    const asked = new PagedRows<Row>(
      path,
      new URLSearchParams(search),
      (failed) => {
        setFailure(failed === undefined ? null : sentenceOf(failed));
        draw(undefined);
      },
      from,
    );
    setRows(asked);
    scroller.current?.scrollTo({ top: 0 });
    return () => asked.stop();
  }, [path, search, from]);

  const virtual = useRef<Virtualizer<HTMLDivElement, HTMLDivElement> | null>(null);
  const known = rows?.count ?? 0;
  const options = {
    count: known,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow.matches ? narrowRowHeight : rowHeight),
    overscan: 12,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => draw(undefined),
  };
  virtual.current ??= new Virtualizer(options);
  virtual.current.setOptions(options);
  useEffect(() => {
    const unmount = virtual.current!._didMount();
    const measure = (): void => virtual.current!.measure();
    narrow.addEventListener('change', measure);
    return () => {
      narrow.removeEventListener('change', measure);
      unmount();
    };
  }, []);
  useEffect(() => virtual.current!._willUpdate());

  const items = virtual.current.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => rows?.look(first, last), [rows, first, last, known]);

  // What is in sight follows the status, which arrives each second.
  const refreshed = useRef(0);
  const now = status.value;
  useEffect(() => {
    if (!rows || Date.now() - refreshed.current < refreshEvery) return;
    refreshed.current = Date.now();
    rows.refresh(first, last);
  }, [now]);

  const template = columns.map((column) => column.width).join(' ');
  const many = rows?.complete ? known : total;
  return (
    <div class="record-list">
      <p class="tally" aria-live="polite">
        {failure ??
          (rows === null || (rows.loading && known === 0)
            ? 'Asking the node …'
            : known === 0
              ? empty
              : `${count(Math.max(many ?? known, known))}${many === null ? ' or more' : ''} records`)}
      </p>
      <div
        class="table"
        role="table"
        aria-label={label}
        aria-rowcount={many ?? -1}
        aria-busy={rows?.loading ?? true}
      >
        <div role="rowgroup" class="head">
          <div role="row" style={{ gridTemplateColumns: template }}>
            {columns.map((column) => (
              <span role="columnheader" key={column.name} class={classOf(column)}>
                {column.name}
              </span>
            ))}
          </div>
        </div>
        <div class="scroller" role="rowgroup" ref={scroller} tabIndex={0} aria-label={label}>
          <div class="whole" role="presentation" style={{ height: `${virtual.current.getTotalSize()}px` }}>
            {items.map((item) => {
              const row = rows?.row(item.index);
              return (
                <div
                  role="row"
                  class={row ? 'row' : 'row pending'}
                  key={row ? `r${keyOf(row)}` : `i${item.index}`}
                  aria-rowindex={item.index + 1}
                  style={{
                    gridTemplateColumns: template,
                    height: `${item.size}px`,
                    transform: `translateY(${item.start}px)`,
                  }}
                >
                  {columns.map((column) => (
                    <span role="cell" key={column.name} class={classOf(column)}>
                      {row ? column.cell(row) : null}
                    </span>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
    </div>
  );
}
