/**
 * Writes the golden models that CUDA takes as `cuda_check golden=DIR` reads them (native-kernels/cuda/check):
 *
 *   node test/native-kernels/write-golden-plans.ts DIR
 *
 * For each: its plan, its weights, and the ids and logits that transformers computed.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toAppError } from '../../app/contract/error.ts';
import { ensureGraph } from '../../app/run/index.ts';
import { floatsOf, numbersOf, readSafetensors } from '../fixtures/read-safetensors.ts';

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Give the folder to write to.');
const source = fileURLToPath(new URL('../fixtures/golden/families', import.meta.url));
const names = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
for (const { name } of names) {
  const folder = path.join(target, name);
  mkdirSync(folder, { recursive: true });
  cpSync(path.join(source, name), folder, { recursive: true });
  try {
    const { cudaText } = await ensureGraph(folder, 'exact');
    writeFileSync(path.join(folder, 'plan.txt'), await cudaText());
  } catch (error) {
    process.stdout.write(`${name}: not on CUDA: ${toAppError(error).message}\n`);
    rmSync(folder, { recursive: true });
    continue;
  }
  const expected = readSafetensors(path.join(folder, 'expected.safetensors'));
  const ids = numbersOf(expected.get('input_ids'));
  writeFileSync(path.join(folder, 'ids.i64'), new BigInt64Array([...ids].map(BigInt)));
  const logits = expected.get('logits');
  if (logits === undefined) throw new Error(`${name} has no expected logits.`);
  writeFileSync(path.join(folder, 'logits.f32'), floatsOf(logits));
}
