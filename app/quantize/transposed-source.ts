import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CheckpointReader, TensorPlace } from '../checkpoint/index.ts';
import { tensorBytes } from '../checkpoint/index.ts';
import { AppError } from '../contract/error.ts';
import type { ModelTensor } from '../models/index.ts';

/** Matrices that a checkpoint holds by columns: kernels quantize rows, so such a matrix is turned before they see it. */

/** Columns that are turned at once: their rows' lines of the target stay in the cache. */
const COLUMNS_AT_ONCE = 32;

function turn<T extends Uint16Array | Uint32Array>(
  block: T,
  target: T,
  { width, first, step }: NonNullable<ModelTensor['transposed']>,
  columns: number,
): void {
  const rows = target.length / columns;
  for (let start = 0; start < columns; start += COLUMNS_AT_ONCE) {
    const end = Math.min(columns, start + COLUMNS_AT_ONCE);
    for (let row = 0; row < rows; row++)
      for (let column = start; column < end; column++)
        target[row * columns + column] = block[column * width + first + row * step] ?? 0;
  }
}

/** The bytes of a matrix, row by row, that the checkpoint holds by columns. */
export async function readTransposed(
  checkpoint: CheckpointReader,
  tensor: ModelTensor,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { transposed, dtype } = tensor;
  const [rows = 0, columns = 0] = tensor.shape;
  const shape = [columns, transposed?.width ?? 0];
  const byteLength = tensorBytes(dtype, shape);
  const each = tensor.byteLength / (rows * columns);
  if (transposed === undefined || byteLength === null || (each !== 2 && each !== 4))
    throw new AppError('internal', `${tensor.name} cannot be turned.`);
  // The file's bytes need not be aligned; a copy is.
  const block = Uint8Array.from(
    await checkpoint.readTensor({ ...tensor, shape, byteLength }, { signal }),
  );
  const target = new Uint8Array(tensor.byteLength);
  if (each === 2)
    turn(new Uint16Array(block.buffer), new Uint16Array(target.buffer), transposed, columns);
  else turn(new Uint32Array(block.buffer), new Uint32Array(target.buffer), transposed, columns);
  return target;
}

/**
 * Does work with the place of a tensor: its own, or that of a file beside the artifact's for as long as the work takes, where
 * it lies by columns.
 */
export async function withPlace<T>(
  checkpoint: CheckpointReader,
  tensor: ModelTensor,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal | undefined },
  work: (place: TensorPlace) => Promise<T>,
): Promise<T> {
  if (tensor.transposed === undefined) return work(await checkpoint.place(tensor));
  const file = path.join(directory, `${tensor.name}.turned`);
  try {
    await writeFile(file, await readTransposed(checkpoint, tensor, signal));
    const { byteLength, dtype } = tensor;
    return await work({ path: file, byteOffset: 0, byteLength, dtype });
  } finally {
    await rm(file, { force: true });
  }
}
