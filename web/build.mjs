// Bundles the page: files named for their content under OUT/assets, each with what it is compressed to, and
// OUT/page_bundle.cpp, which builds all of them into the program.
// usage: node build.mjs OUT

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = resolve(process.argv[2] ?? join(here, 'dist'));
const types = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
};

rmSync(join(out, 'assets'), { recursive: true, force: true });
mkdirSync(join(out, 'assets'), { recursive: true });

const hashOf = (content) => createHash('sha256').update(content).digest('hex').slice(0, 16);
const bundle = await build({
  absWorkingDir: here,
  entryPoints: { main: 'src/main.tsx', icon: 'src/icon.svg' },
  outdir: join(out, 'assets'),
  publicPath: '/assets',
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.woff2': 'file', '.svg': 'copy' },
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

/** What the licences of the packages in the bundle ask for: their text goes along. */
function licences() {
  const packages = new Set(
    Object.keys(bundle.metafile.inputs)
      .map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
      .filter(Boolean),
  );
  return [...packages]
    .sort()
    .map((name) => {
      const folder = join(here, 'node_modules', name);
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((one) => /^(licen[cs]e|ofl)/i.test(one));
      if (!file) throw new Error(`${name} has no licence to pass on`);
      return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(78)}\n\n`);
}

const licence_text = licences();
const licence_name = `licences-${hashOf(licence_text)}.txt`;
writeFileSync(join(out, 'assets', licence_name), licence_text);

const names = readdirSync(join(out, 'assets')).sort();
const built = (pattern) => {
  const found = names.filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${pattern} fits ${found.length} files`);
  return `/assets/${found[0]}`;
};
const index = readFileSync(join(here, 'index.html'), 'utf8')
  .replace('%icon.svg%', built(/^icon-.*\.svg$/))
  .replace('%inter.woff2%', built(/^inter-latin-wght-normal-.*\.woff2$/))
  .replace('%main.css%', built(/^main-.*\.css$/))
  .replace('%main.js%', built(/^main-.*\.js$/))
  .replace('%licences%', built(/^licences-/));
writeFileSync(join(out, 'index.html'), index);

// Fonts are compressed already.
const files = [
  { url: '/', file: join(out, 'index.html'), lasting: false },
  ...names.map((name) => ({ url: `/assets/${name}`, file: join(out, 'assets', name), lasting: true })),
].map((one, number) => {
  const content = readFileSync(one.file);
  const type = basename(one.file).split('.').pop();
  const packed = type === 'woff2' ? undefined : gzipSync(content, { level: 9 });
  if (packed) writeFileSync(`${one.file}.gz`, packed);
  return { ...one, number, type: types[type], etag: `"${hashOf(content)}"`, packed };
});

const incbin = (symbol, file) =>
  `    ".global ${symbol}_begin\\n${symbol}_begin:\\n.incbin \\"${file}\\"\\n"\n` +
  `    ".global ${symbol}_end\\n${symbol}_end:\\n"\n`;
const symbols = files.flatMap((one) => [
  [`farshore_page_${one.number}`, one.file],
  ...(one.packed ? [[`farshore_page_${one.number}_gz`, `${one.file}.gz`]] : []),
]);
const view = (symbol) => `between(${symbol}_begin, ${symbol}_end)`;
writeFileSync(
  join(out, 'page_bundle.cpp'),
  `// Made by web/build.mjs.
#include "web/page_bundle.hpp"

__asm__(".section .rodata\\n"
${symbols.map(([symbol, file]) => incbin(symbol, file)).join('')}    ".previous\\n");

extern "C" {
${symbols.map(([symbol]) => `extern const char ${symbol}_begin[], ${symbol}_end[];`).join('\n')}
}

namespace farshore {

namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

} // namespace

std::span<const page_file> page_bundle() {
  static const page_file files[] = {
${files
  .map((one) => {
    const plain = `farshore_page_${one.number}`;
    return `      {${JSON.stringify(one.url)}, ${JSON.stringify(one.type)}, ${JSON.stringify(one.etag)}, ${
      one.lasting
    },\n       ${view(plain)}, ${one.packed ? view(`${plain}_gz`) : '{}'}},`;
  })
  .join('\n')}
  };
  return files;
}

} // namespace farshore
`,
);
const total = files.reduce((sum, one) => sum + (one.packed ?? readFileSync(one.file)).length, 0);
console.log(`the page: ${files.length} files, ${Math.round(total / 1000)} kB as they are sent`);
