// Builds the renderer with Vite into dist/renderer, when its sources are newer than what lies there, and compresses it.
// Plain JavaScript, because set-up calls it on whatever Node the machine has; Vite itself runs on the project's own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Below this a compressed answer saves no packet. */
const SMALLEST_COMPRESSED = 1024;

/** All files below `folder`, sorted, as absolute paths. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(file) : [file];
    })
    .sort();
}

/** sha256 over everything that Vite bundles: the renderer, the contract, and the versions of the packages. */
function sourceDigest(root) {
  const hash = createHash('sha256');
  const files = ['renderer', path.join('app', 'contract')].flatMap((folder) =>
    filesBelow(path.join(root, folder)),
  );
  for (const file of [...files, path.join(root, 'package-lock.json')])
    if (!file.endsWith('.md')) hash.update(path.relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
}

/** Lays a .br and a .gz beside every text file: the web host sends them as they are. */
function compress(folder) {
  for (const file of filesBelow(folder)) {
    if (!/\.(?:js|css|html|svg|json|txt)$/.test(file)) continue;
    if (statSync(file).size < SMALLEST_COMPRESSED) continue;
    const bytes = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(bytes));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

/**
 * Builds the renderer.
 *
 * @param {string} root folder of the checkout
 * @param {{ always?: boolean }} options `always`: also when nothing has changed
 * @returns {string | null} null when the renderer is up to date, otherwise what is wrong and what to do
 */
export function buildRenderer(root, { always = false } = {}) {
  const config = path.join(root, 'renderer', 'vite.config.ts');
  if (!existsSync(config)) {
    console.error('setup: there is no renderer to build yet');
    return null;
  }
  const out = path.join(root, 'dist', 'renderer');
  const stamp = path.join(out, '.source-sha256');
  const digest = sourceDigest(root);
  if (!always && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return null;

  console.error('setup: building the renderer');
  const node = path.join(
    root,
    'node_modules',
    '.bin',
    process.platform === 'win32' ? 'node.cmd' : 'node',
  );
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status } = spawnSync(node, [vite, 'build', '--config', config, '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0)
    return 'the renderer could not be built: the message of Vite is above. Mend it, then run: npm run build';
  compress(out);
  writeFileSync(stamp, digest);
  return null;
}

// `npm run build` calls this file itself; set-up imports it.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = buildRenderer(fileURLToPath(new URL('../..', import.meta.url)), { always: true });
  if (problem !== null) {
    console.error(`build: ${problem}`);
    process.exitCode = 1;
  }
}
