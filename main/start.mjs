// `npm start`: opens the desktop app, or, where Electron's binary cannot be had, says so and opens the web host.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { electronBinary } from './setup/electron-binary.mjs';
import { buildShell } from './setup/build-shell.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);

/** Runs a program in this terminal and ends as it ends. */
function become(program, programArgs) {
  const child = spawn(program, programArgs, { cwd: root, stdio: 'inherit' });
  // The child gets Ctrl-C from the terminal itself; waiting lets it clean up and choose the exit code.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}

const electron = electronBinary(root);
if (!existsSync(path.join(root, 'node_modules'))) {
  console.error('nibble: this checkout is not set up yet; run: npm run setup');
  process.exitCode = 1;
} else if (electron === null) {
  console.error(
    'nibble: Electron is not installed here (its package brings no binary; set ELECTRON_OVERRIDE_DIST_PATH to one), so the app opens in the browser.',
  );
  become(process.execPath, [path.join(root, 'main', 'nibble.mjs'), 'serve', '--open', ...args]);
} else {
  const problem = await buildShell(root);
  if (problem === null) become(electron, [path.join(root, 'dist', 'app'), ...args]);
  else {
    console.error(`nibble: ${problem}`);
    process.exitCode = 1;
  }
}
