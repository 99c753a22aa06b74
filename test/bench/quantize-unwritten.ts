import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { OpenCheckpoint } from '../../app/checkpoint/index.ts';
import { schemes } from '../../app/contract/scheme.ts';
import type { SchemeName } from '../../app/contract/scheme.ts';
import type { QuantizationPlan } from '../../app/quantize/index.ts';
import { quantize4bitFile, releaseQuantizerMemory } from '../../native-kernels/index.ts';

/** As many tensors at a time as the job has under way. */
const TENSORS_AT_ONCE = 3;

/** The kernels' names of element types. */
const floatTypes = { BF16: 'bf16', F16: 'f16', F32: 'f32' } as const;

/**
 * Quantizes every matrix that the plan quantizes to 4 bits, straight from the files of the checkpoint: reading, codes,
 * scales, error statistics and hashes, as in the job; but each matrix is written over the one before it. What a job
 * takes beyond this is room for new files, copying what stays in 16 bits, the copy of the output layer, and JavaScript.
 *
 * @param folder Where those few files are for so long: best in memory.
 * @returns milliseconds, or null for schemes that are not of 4 bits
 */
export async function quantizeUnwritten(
  checkpoint: OpenCheckpoint,
  plan: QuantizationPlan,
  scheme: SchemeName,
  threads: number,
  folder: string,
): Promise<number | null> {
  const { storage } = schemes[scheme];
  if (storage.kind !== '4bit') return null;
  const nestedAbsmax = storage.doubleQuant ? 0 : null;
  const targets = mkdtempSync(path.join(folder, 'nibble-bench-'));
  const tensors = plan.tensors[Symbol.iterator]();
  const lane = async (_: unknown, number: number): Promise<void> => {
    const target = path.join(targets, `${number}.codes`);
    writeFileSync(target, '');
    for (const tensor of tensors) {
      if (tensor.treatment !== 'quantized') continue;
      const place = await checkpoint.locate(tensor.source);
      const type = floatTypes[tensor.dtype];
      await quantize4bitFile(
        { path: place.path, byteOffset: place.byteOffset, numel: tensor.numel, type },
        { path: target, codes: 0, absmax: 0, nestedAbsmax },
        { type: storage.type, blockSize: tensor.blockSize ?? 0 },
        { threads },
      );
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
