// The page that defines the fingerprint, held to what it says: its own script on a real artifact.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const page = fileURLToPath(new URL('../../docs/weights-fingerprint.md', import.meta.url));

it.each([
  ['nf4-dq', {}, ['model.safetensors', 'nibble-runtime.tensors']],
  ['bf16', {}, ['model.safetensors']],
  ['bf16', { shards: 2 }, ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']],
] as const)('recomputes the fingerprint of %s with %o', async (scheme, options, names) => {
  const [, script = ''] = /```js\n([\s\S]*?)```/.exec(await readFile(page, 'utf8')) ?? [];
  const folder = await scratchFolder();
  const program = path.join(folder, 'fingerprint.mjs');
  await writeFile(program, script);
  const source = path.join(folder, 'source');
  await writeTinyCheckpoint(source, options);
  const made = await quantizeFolder(source, path.join(folder, 'made'), scheme);
  const files = names.map((name) => path.join(folder, 'made', name));
  const printed = execFileSync(process.execPath, [program, ...files], { encoding: 'utf8' });
  expect(printed.trim()).toBe(made.weightsSha256);
});
