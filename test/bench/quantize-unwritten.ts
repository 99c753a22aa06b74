import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CheckpointReader } from '../../app/checkpoint/index.ts';
import type { SchemeName } from '../../app/contract/scheme.ts';
import type { QuantizationPlan } from '../../app/quantize/index.ts';
import { quantizeTensorFile } from '../../app/quantize/quantize-tensor.ts';
import { TENSORS_AT_ONCE } from '../../app/quantize/write-weights.ts';
import { releaseQuantizerMemory } from '../../native-kernels/index.ts';

/**
 * Quantizes every matrix that the plan quantizes, straight from the files of the checkpoint: reading, codes, scales,
 * error statistics and hashes, as in the job; but each matrix is written over the one before it. What a job takes beyond
 * this is room for new files, copying what stays in 16 bits, the copy of the output layer, and JavaScript.
 *
 * @param folder Where those few files are for so long: best in memory.
 * @returns milliseconds
 */
export async function quantizeUnwritten(
  checkpoint: CheckpointReader,
  plan: QuantizationPlan,
  scheme: SchemeName,
  threads: number,
  folder: string,
): Promise<number> {
  const targets = mkdtempSync(path.join(folder, 'nibble-bench-'));
  const tensors = plan.tensors[Symbol.iterator]();
  const lane = async (_: unknown, number: number): Promise<void> => {
    const places = { path: path.join(targets, `${number}.codes`), placeOf: () => 0 };
    writeFileSync(places.path, '');
    for (const tensor of tensors) {
      if (tensor.treatment !== 'quantized') continue;
      const source = await checkpoint.place(tensor.source);
      await quantizeTensorFile(source, tensor, scheme, places, { threads });
    }
  };
  try {
    const start = performance.now();
    await Promise.all(Array.from({ length: TENSORS_AT_ONCE }, lane));
    releaseQuantizerMemory();
    return performance.now() - start;
  } finally {
    rmSync(targets, { recursive: true });
  }
}
