import { open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  OUTPUT_LAYER,
  parseSafetensorsHeader,
  RUNTIME_WEIGHTS_FILES,
} from '../../checkpoint/index.ts';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError, toAppError } from '../../contract/error.ts';
import type { Decoder } from '../../models/index.ts';

/** It holds two tensors, so a long header is none. All of it is read at once, and not more: this is waited for. */
const MAX_HEADER_BYTES = 64 * 1024;

/** With the output layer the only tensors that may stand for others: whoever slips more in could replace any layer. */
const SCALES = `${OUTPUT_LAYER}.scales`;

function unusable(file: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'malformed-file',
    `${path.basename(file)} in ${path.dirname(file)}, the 8-bit copy of the output layer, cannot be used: ${why}`,
    {
      remedy:
        'Make the artifact again; until then `--mode exact` runs it with its 16-bit output layer.',
      cause,
    },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The name of the copy in a folder, whether what lies there is sound or not; null where there is none. */
async function runtimeWeightsFile(directory: string): Promise<string | null> {
  for (const name of RUNTIME_WEIGHTS_FILES)
    try {
      await stat(path.join(directory, name));
      return name;
    } catch (error) {
      if (!isMissing(error)) throw toAppError(error);
    }
  return null;
}

async function readTensors(file: string): Promise<readonly TensorInfo[]> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const start = new Uint8Array(Math.min(size, MAX_HEADER_BYTES));
    const { bytesRead } = await handle.read(start, 0, start.byteLength, 0);
    return parseSafetensorsHeader(start.subarray(0, bytesRead), size, path.basename(file)).tensors;
  } finally {
    await handle.close();
  }
}

/** What is wrong with the tensors of the copy; null when they are an output layer of this model. */
function mistakeIn(tensors: readonly TensorInfo[], decoder: Decoder): string | null {
  const weight = tensors.find(({ name }) => name === OUTPUT_LAYER);
  const scales = tensors.find(({ name }) => name === SCALES);
  const other = tensors.find((tensor) => tensor !== weight && tensor !== scales);
  if (other !== undefined) return `it holds ${other.name}, which is no part of an output layer.`;
  if (weight?.dtype !== 'I8' || scales?.dtype !== 'F32')
    return `it does not hold ${OUTPUT_LAYER} in int8 and ${SCALES} in float32.`;
  const { vocabularySize, hiddenSize } = decoder;
  const [rows, columns] = weight.shape;
  if (weight.shape.length !== 2 || rows !== vocabularySize || columns !== hiddenSize)
    return `${OUTPUT_LAYER} is [${weight.shape.join(', ')}] but config.json asks for [${vocabularySize}, ${hiddenSize}].`;
  const [scaleRows, blocks = 0] = scales.shape;
  if (scales.shape.length !== 2 || scaleRows !== rows || blocks === 0 || hiddenSize % blocks !== 0)
    return `${SCALES} is [${scales.shape.join(', ')}], which does not fit [${weight.shape.join(', ')}].`;
  return null;
}

/** What lies in the file of the copy, whether it fits a model or not. */
export interface RuntimeFile {
  readonly name: string;
  /** @throws AppError `malformed-file` with what to do without it */
  readonly tensorsFor: (decoder: Decoder) => readonly TensorInfo[];
}

/**
 * Reads the header of the copy of the output layer; null where the folder has no such file. The file may have come with a
 * download: its place, header, names, types and shapes are checked (its bytes are `nibble verify`'s to check), and what is wrong
 * with it is told to whoever asks for its tensors.
 */
export async function readRuntimeFile(directory: string): Promise<RuntimeFile | null> {
  const name = await runtimeWeightsFile(directory);
  if (name === null) return null;
  const file = path.join(directory, name);
  const found = await readUsable(directory, file).catch(toAppError);
  return {
    name,
    tensorsFor: (decoder) => {
      if (found instanceof AppError) throw found;
      const mistake = mistakeIn(found, decoder);
      if (mistake !== null) throw unusable(file, mistake);
      return found;
    },
  };
}

async function readUsable(directory: string, file: string): Promise<readonly TensorInfo[]> {
  // Opening a pipe would wait for ever.
  if (!(await stat(file)).isFile()) throw unusable(file, 'it is not a file.');
  if (path.dirname(await realpath(file)) !== (await realpath(directory)))
    throw unusable(file, 'it is a link to another folder.');
  try {
    return await readTensors(file);
  } catch (error) {
    const known = toAppError(error);
    throw known.code === 'malformed-file' ? unusable(file, known.message, error) : known;
  }
}
