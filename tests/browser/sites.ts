// Two real nodes, each with a PostgreSQL of its own, and an application's files at the first.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../build/farshore', import.meta.url));

/** Rows of the type that the long list is about. */
export const manyRows = 100_000;

/** Below those that the kernel gives to outgoing connections: from there one could meet itself. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries += 1) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('no port is free');
}

export async function until(what: string, yes: () => boolean | Promise<boolean>, seconds = 90): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await yes())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export class Site {
  private node: ChildProcess | undefined;
  readonly url: string;

  constructor(
    readonly name: string,
    readonly folder: string,
    readonly port: number,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    mkdirSync(join(folder, 'stores'), { recursive: true });
  }

  get config(): string {
    return join(this.folder, 'farshore.toml');
  }

  store(type: string): string {
    return join(this.folder, 'stores', type);
  }

  /** What the program printed. */
  command(...words: string[]): string {
    return execFileSync(program, [...words, '-c', this.config], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  status(): any {
    return JSON.parse(this.command('status', '--json'));
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  type(name: string): any {
    return this.status().types.find((one: { name: string }) => one.name === name);
  }

  token(level: 'operator' | 'viewer', name: string): string {
    return this.command('token', `--${level}`, '--name', name);
  }

  sql(statements: string): string {
    const url = this.command('database-url');
    return execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', url, '-c', statements], {
      encoding: 'utf8',
    }).trim();
  }

  write(type: string, path: string, content: string): void {
    const file = join(this.store(type), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  async start(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a');
    this.node = spawn(program, ['node', '-c', this.config], { stdio: ['ignore', log, log] });
    const { node } = this;
    await until(`${this.name} answers`, async () => {
      if (node.exitCode !== null) throw new Error(`${this.name} ended:\n${this.log()}`);
      return fetch(`${this.url}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  }

  log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8').slice(-4000);
  }

  async stop(): Promise<void> {
    const { node } = this;
    if (!node || node.exitCode !== null) return;
    const ended = new Promise((resolve) => node.once('exit', resolve));
    node.kill('SIGTERM');
    await ended;
  }
}

const model = (table: string): string =>
  `[replicable.model]\ntable = "${table}"\nprimary_key = "id"\nlocator = "path"\n`;

function declare(site: Site, secret: string, primary?: Site): void {
  const type = (name: string, more: string, table?: string): string =>
    `\n[[replicable]]\nname = "${name}"\nstrategy = "blob"\nstore = "${site.store(name)}"\n${more}` +
    (table && !primary ? model(table) : '');
  const words = [
    `[site]\nname = "${site.name}"\nrole = "${primary ? 'secondary' : 'primary'}"`,
    `listen = "127.0.0.1:${site.port}"\ndata = "${join(site.folder, 'data')}"\nsecret_file = "${secret}"\n`,
    primary ? `[primary]\nurl = "${primary.url}"\n` : '',
    '[limits]\nretry_base = "500ms"\nretry_cap = "2s"\n',
    type('document', '', 'documents'),
    type('manual', 'scan = "1s"\n'),
    type('archive', primary ? '' : 'verification = "off"\n', 'archives'),
  ];
  writeFileSync(site.config, words.join('\n'));
}

export class TwoSites {
  private constructor(
    private readonly folder: string,
    readonly primary: Site,
    readonly secondary: Site,
  ) {}

  static async start(): Promise<TwoSites> {
    const folder = mkdtempSync(join(tmpdir(), 'farshore-browser-'));
    const primary = new Site('harbour', join(folder, 'primary'), await freePort());
    const secondary = new Site('lisbon', join(folder, 'secondary'), await freePort());
    const sites = new TwoSites(folder, primary, secondary);
    try {
      await sites.furnish();
    } catch (failure) {
      await sites.stop();
      throw failure;
    }
    return sites;
  }

  private async furnish(): Promise<void> {
    const { primary, secondary, folder } = this;
    const secret = join(folder, 'secret');
    execFileSync(program, ['secret', '--output', secret]);
    declare(primary, secret);
    declare(secondary, secret, primary);
    for (const type of ['document', 'manual', 'archive']) mkdirSync(primary.store(type), { recursive: true });
    for (let i = 1; i <= 60; i += 1)
      primary.write('document', `letters/${i}.txt`, `letter ${i}\n`.repeat(i * 20));
    for (let i = 1; i <= 40; i += 1)
      primary.write('manual', `${i <= 12 ? 'part one/' : ''}chapter ${i}.txt`, `chapter ${i}\n`.repeat(50));
    execFileSync('mkfifo', [join(primary.store('manual'), 'a pipe')]);
    await primary.start();
    primary.sql(`
      CREATE TABLE documents (id bigserial PRIMARY KEY, path text NOT NULL UNIQUE);
      CREATE TABLE archives (id bigserial PRIMARY KEY, path text NOT NULL UNIQUE);
      INSERT INTO documents (path) SELECT 'letters/' || i || '.txt' FROM generate_series(1, 60) i;
      -- Their files were lost.
      INSERT INTO documents (path) VALUES ('letters/lost-1.txt'), ('letters/lost-2.txt');`);
    await secondary.start();
    await until('archive is declared at the secondary', () => secondary.type('archive')?.generation > 0);
    // So that its records are known, and none of them is fetched.
    secondary.command('pause', 'archive');
    primary.sql(
      `INSERT INTO archives (path) SELECT 'year-' || i / 1000 || '/box ' || i FROM generate_series(1, ${manyRows}) i`,
    );
    await until('documents and manuals are synced', () => {
      const document = secondary.type('document');
      return (
        document.verified_count === 60 &&
        document.missing_on_primary_count === 2 &&
        secondary.type('manual').verified_count === 40 &&
        secondary.type('archive').registry_count === manyRows
      );
    });
  }

  async stop(): Promise<void> {
    await this.secondary.stop();
    await this.primary.stop();
    if (process.env['FARSHORE_KEEP'] === undefined) rmSync(this.folder, { recursive: true, force: true });
  }
}
