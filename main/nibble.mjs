#!/usr/bin/env node
// The `nibble` command. Starts the command line under the Node that belongs to this project, whatever Node the
// machine has: better-sqlite3 needs Node 22, and the sources are TypeScript, which Node 24 runs as they are.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = path.join(
  root,
  'node_modules',
  '.bin',
  process.platform === 'win32' ? 'node.cmd' : 'node',
);
const commandLine = path.join(root, 'main', 'cli', 'cli.ts');

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Else every command would strip the types of all sources and compile them again. Where the folder cannot be written,
  // nothing is kept and nothing fails; NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE have their say.
  module.enableCompileCache(path.join(root, 'node_modules', '.cache', 'compiled'));
  await import(commandLine);
} else if (!existsSync(binary)) {
  console.error('nibble: this checkout is not set up yet; run: npm run setup');
  process.exitCode = 1;
} else {
  // The channel says nothing: its end tells the child that this process is gone, however it ended.
  const child = spawn(binary, [commandLine, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // The child gets Ctrl-C from the terminal itself; waiting lets it clean up and choose the exit code.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
