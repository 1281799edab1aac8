// The rows of a long list, page by page as they are looked at: the node finds each page by the
// record before it, as fast at a million rows as at the first. Only pages near the last ones that
// were looked at are kept.

import { get } from './api';
import type { ListPage } from './documents';

export const pageRows = 200;
const pagesKept = 25;

interface Page<Row> {
  /** The record before its first; null: from the beginning. */
  after: number | null;
  rows: Row[] | null;
  touched: number;
  loading: boolean;
}

export class PagedRows<Row> {
  private pages: Page<Row>[];
  private ended = false;
  private known = 0;
  private clock = 0;
  private readonly end = new AbortController();

  /** `path` with its filters; `changed` is called after anything arrived. */
  constructor(
    private readonly path: string,
    private readonly query: URLSearchParams,
    private readonly changed: (failure?: unknown) => void,
    from: number | null = null,
  ) {
    this.pages = [{ after: from, rows: null, touched: 0, loading: false }];
    this.load(0);
  }

  /** Rows that there are, as far as is known. */
  get count(): number {
    return this.known;
  }

  /** There are no more than `count`. */
  get complete(): boolean {
    return this.ended;
  }

  get loading(): boolean {
    return this.pages.some((page) => page.loading && page.rows === null);
  }

  /** undefined: it is on its way. */
  row(index: number): Row | undefined {
    const page = this.pages[Math.floor(index / pageRows)];
    if (!page) return undefined;
    page.touched = this.clock;
    return page.rows?.[index % pageRows];
  }

  /** Sees to it that these rows are there, and the ones after them once the end comes near. */
  look(first: number, last: number): void {
    this.clock += 1;
    const lastPage = Math.min(Math.floor((last + pageRows / 2) / pageRows), this.pages.length - 1);
    for (let number = Math.floor(first / pageRows); number <= lastPage; number += 1) {
      const page = this.pages[number];
      if (!page) continue;
      page.touched = this.clock;
      if (page.rows === null) this.load(number);
    }
  }

  /** Asks anew for what is shown now. */
  refresh(first: number, last: number): void {
    for (let number = Math.floor(first / pageRows); number <= Math.floor(last / pageRows); number += 1)
      if (this.pages[number]?.rows) this.load(number);
  }

  stop(): void {
    this.end.abort();
  }

  private load(number: number): void {
    const page = this.pages[number];
    if (!page || page.loading) return;
    page.loading = true;
    const query = new URLSearchParams(this.query);
    query.set('limit', String(pageRows));
    if (page.after !== null) query.set('after', String(page.after));
    get<ListPage<Row>>(`${this.path}?${query}`, this.end.signal).then(
      (answer) => this.take(number, page, answer),
      (failure: unknown) => {
        page.loading = false;
        if (!this.end.signal.aborted) this.changed(failure);
      },
    );
  }

  private take(number: number, page: Page<Row>, answer: ListPage<Row>): void {
    page.loading = false;
    page.rows = answer.records;
    const next = this.pages[number + 1];
    if (answer.next === null || answer.records.length < pageRows) {
      this.pages.length = number + 1;
      this.ended = true;
    } else if (!next || next.after !== answer.next) {
      // Rows came or went: what lies behind begins elsewhere now.
      this.pages.length = number + 1;
      this.pages.push({ after: answer.next, rows: null, touched: this.clock, loading: false });
      this.ended = false;
    }
    const last = this.pages.at(-1)!;
    this.known = (this.pages.length - 1) * pageRows + (last.rows?.length ?? 0);
    this.forget();
    this.changed();
  }

  private forget(): void {
    const held = this.pages.filter((page) => page.rows !== null);
    if (held.length <= pagesKept) return;
    held.sort((a, b) => a.touched - b.touched);
    for (const page of held.slice(0, held.length - pagesKept)) page.rows = null;
  }
}
