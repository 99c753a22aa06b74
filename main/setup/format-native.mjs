// Formats the C++ sources with the clang-format that npm brings, or checks that they are formatted (default).
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folders = ['native-kernels', 'test/bench/llama-baseline'].map((name) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url)),
);
const files = [];
const walk = (directory) => {
  for (const name of readdirSync(directory)) {
    const file = path.join(directory, name);
    if (statSync(file).isDirectory()) {
      if (!name.startsWith('build')) walk(file);
    } else if (/\.(cpp|h|cu)$/.test(name)) files.push(file);
  }
};
folders.forEach(walk);
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror'];
const clangFormat = fileURLToPath(
  new URL('../../node_modules/clang-format/index.js', import.meta.url),
);
const result = spawnSync(process.execPath, [clangFormat, ...mode, ...files], { stdio: 'inherit' });
process.exitCode = result.status ?? 1;
