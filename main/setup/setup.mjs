// Makes a fresh clone ready: packages, the Node that belongs to this project, the native addon, the renderer.
// Plain JavaScript without dependencies, because it runs before anything is installed and on whatever
// Node the machine has. Running it again does only what has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';
import { buildRenderer } from './build-renderer.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Prints one line that says what went wrong and what to do, and ends the process with code 1. */
function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** Installs the npm packages unless the lockfile they were installed from is the current one. */
function installPackages() {
  const stamp = path.join(root, 'node_modules', '.nibble-lock-sha256');
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('setup: installing packages from the npm registry');
  const npm = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  const result = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && npm.length === 1,
  });
  if (result.status !== 0)
    fail(
      'npm ci failed; check that the npm registry can be reached, then run the same command again',
    );
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

if (Number(process.versions.node.split('.')[0]) < 18)
  fail(`Node ${process.versions.node} is too old to start the set-up; install Node 18 or newer`);
const nativeOnly = process.argv.includes('--native-only');
if (!nativeOnly) installPackages();
const problem = buildNative(root) ?? (nativeOnly ? null : buildRenderer(root));
if (problem !== null) fail(problem);
