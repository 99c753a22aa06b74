// `npm run package`: builds everything, then packs the desktop app with electron-builder. Arguments are passed on, so
// `npm run package -- --dir` makes the folder without installers.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.mjs';
import { buildRenderer } from './build-renderer.mjs';
import { buildShell } from './build-shell.mjs';
import { electronBinary } from './electron-binary.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const problem =
  buildNative(root, { everyCard: true }) ??
  buildRenderer(root, { always: true }) ??
  (await buildShell(root));
if (problem !== null) {
  console.error(`package: ${problem}`);
  process.exit(1);
}

const binary = electronBinary(root);
const args = process.argv.slice(2);
if (binary === null)
  console.error(
    'package: there is no Electron here, so electron-builder downloads it; set ELECTRON_OVERRIDE_DIST_PATH to a distribution where it cannot.',
  );
else if (process.env.ELECTRON_OVERRIDE_DIST_PATH)
  args.push(`--config.electronDist=${process.env.ELECTRON_OVERRIDE_DIST_PATH}`);

const builder = path.join(root, 'node_modules', 'electron-builder', 'cli.js');
const { status } = spawnSync(
  process.execPath,
  [builder, '--config', path.join(root, 'electron-builder.yml'), '--publish', 'never', ...args],
  { cwd: root, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
