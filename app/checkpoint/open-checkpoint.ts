import { readSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { fileState, type FileState } from '../disk/index.ts';
import { parseJson } from '../json/index.ts';
import {
  HEADER_PREFIX_BYTES,
  readSafetensorsHeader,
  safetensorsHeaderBytes,
} from './safetensors/header.ts';
import {
  joinShards,
  MAX_INDEX_BYTES,
  readShardIndex,
  SHARD_INDEX_FILE,
} from './safetensors/shard-index.ts';

export const WEIGHTS_FILE = 'model.safetensors';

/**
 * Beside them in an artifact, in the format of safetensors: tensors that the runner wants and bitsandbytes does not know.
 * vLLM and SGLang read every file of a folder that matches `*.safetensors`, else `*.bin` and `*.pt`: this name matches
 * none of them. native-kernels/runtime/weight_files.cpp has it as well.
 */
export const RUNTIME_WEIGHTS_FILE = 'nibble-runtime.tensors';

/** Its names, the one it is written under first; the other is that of artifacts made before. */
export const RUNTIME_WEIGHTS_FILES = [RUNTIME_WEIGHTS_FILE, 'runtime.safetensors'] as const;

/** Whether a file of this name is the runner's, in an artifact of whichever version. */
export function isRuntimeWeightsFile(name: string): boolean {
  // Asked for every tensor of a model while it is loaded.
  return name === RUNTIME_WEIGHTS_FILES[0] || name === RUNTIME_WEIGHTS_FILES[1];
}

/** The weight of the output layer, where it has one of its own. */
export const OUTPUT_LAYER = 'lm_head.weight';

/** The weight of the embeddings. */
export const EMBEDDINGS = 'model.embed_tokens.weight';
export const CONFIG_FILE = 'config.json';

/** Real ones have a few kilobytes; the limit keeps a hostile one from filling the memory. */
export const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** One read: large enough to run at the disk's speed, small enough that cancelling is felt at once. */
const READ_BYTES = 16 * 1024 * 1024;

/** The 210 small tensors of a model of 30 layers in nf4 take 36 kB: one read instead of one each. */
const SMALL_TENSORS_BYTES = 64 * 1024;

/** A file that holds tensors. */
export interface WeightsFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Time of the last change, in milliseconds since 1970. With the size it tells whether a file is still the same. */
  readonly modifiedMs: number;
  /** The file as it was before its header was read. */
  readonly state: FileState;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A checkpoint folder whose headers have been read and found sound. Holds files open: close it. */
export interface OpenCheckpoint {
  readonly directory: string;
  /** config.json, parsed. */
  readonly config: Readonly<Record<string, unknown>>;
  /** config.json as it was written. */
  readonly configText: string;
  /** In the order of the files, and within each in the order of the bytes. */
  readonly tensors: readonly TensorInfo[];
  readonly files: readonly WeightsFile[];
  /** All bytes of a tensor. */
  readTensor: (tensor: TensorInfo, options?: ReadOptions) => Promise<Uint8Array>;
  /** Bytes [start, end) of a tensor, counted from its first. */
  readRange: (
    tensor: TensorInfo,
    start: number,
    end: number,
    options?: ReadOptions,
  ) => Promise<Uint8Array>;
  /**
   * The first bytes of a tensor, at most `limit`. A model has hundreds of tensors of a few hundred bytes: they are read
   * many at a time and without waiting for another thread, which would take longer than the reading.
   */
  readStart: (tensor: TensorInfo, limit: number) => Promise<Uint8Array>;
  /**
   * Where a tensor's bytes lie, for whoever reads files without this process's memory in between.
   *
   * @throws AppError `malformed-file` when the file has become too short for it
   */
  locate: (tensor: TensorInfo) => Promise<TensorPlace>;
  close: () => Promise<void>;
}

/** A run of bytes of a file. */
export interface TensorPlace {
  readonly path: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Reads a small text file; null when it does not exist. */
async function readText(file: string, limitBytes: number): Promise<string | null> {
  try {
    const status = await stat(file);
    // Reading a pipe would wait for ever.
    if (!status.isFile()) throw new AppError('malformed-file', `${file} is not a regular file.`);
    const { size } = status;
    if (size > limitBytes)
      throw new AppError(
        'malformed-file',
        `${path.basename(file)} has ${size} bytes; ${limitBytes} is the most that is read.`,
      );
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null;
    throw toAppError(error);
  }
}

function missingFile(file: string, folder: string, remedy: string): AppError {
  return new AppError(
    'not-found',
    `${file} is missing in ${folder}.`,
    because('missing-file', { file, folder }, { remedy }),
  );
}

/** The error for a GGUF file, or a folder that has its weights in such files alone. */
export function ggufOnly(name: string): AppError {
  return new AppError(
    'unsupported-model',
    `${name} holds weights as GGUF, which are already quantized. Nibble quantizes from the original safetensors.`,
    because(
      'gguf-only',
      { path: name },
      { remedy: 'Choose the original model, which the page of this one names as its base model.' },
    ),
  );
}

/** @throws AppError `unsupported-model` when the folder has GGUF files */
async function refuseGguf(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  if (names.some((name) => /\.gguf$/i.test(name))) throw ggufOnly(directory);
}

/**
 * Reads the text of a config.json as Python does, which knows NaN and Infinity.
 *
 * @param name Names it in errors.
 * @throws AppError `malformed-file`
 */
export async function parseConfig(
  text: Uint8Array | string,
  name: string,
): Promise<Record<string, unknown>> {
  const remedy = 'Download the checkpoint again.';
  const config = await parseJson(text, { name, maxBytes: MAX_CONFIG_BYTES, python: true, remedy });
  if (typeof config === 'object' && config !== null && !Array.isArray(config))
    return Object.fromEntries(Object.entries(config));
  const found = Array.isArray(config) ? 'array' : config === null ? 'null' : typeof config;
  throw new AppError(
    'malformed-file',
    `${name} holds JSON of the type ${found}, but must hold an object.`,
    because('json-not-object', { file: name, found }, { remedy }),
  );
}

async function readConfig(
  directory: string,
): Promise<{ config: Record<string, unknown>; configText: string }> {
  const configText = await readText(path.join(directory, CONFIG_FILE), MAX_CONFIG_BYTES);
  if (configText === null) {
    await refuseGguf(directory);
    throw missingFile(
      CONFIG_FILE,
      directory,
      'Give the folder of a checkpoint in the layout of transformers.',
    );
  }
  return { config: await parseConfig(configText, CONFIG_FILE), configText };
}

async function requireRegularFile(directory: string, name: string): Promise<WeightsFile> {
  try {
    const file = path.join(directory, name);
    const [status, state] = await Promise.all([stat(file), fileState(file)]);
    // Opening a pipe would wait for ever, a device might do anything.
    if (!status.isFile())
      throw new AppError('malformed-file', `${name} in ${directory} is not a regular file.`);
    if (state !== null) return { name, sizeBytes: status.size, modifiedMs: status.mtimeMs, state };
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw toAppError(error);
  }
  throw missingFile(
    name,
    directory,
    'Download the checkpoint again: the files that are there are kept.',
  );
}

async function readHeader(directory: string, file: WeightsFile): Promise<TensorInfo[]> {
  const handle = await open(path.join(directory, file.name));
  try {
    const prefix = new Uint8Array(HEADER_PREFIX_BYTES);
    const { bytesRead } = await handle.read(prefix, 0, prefix.byteLength, 0);
    const length = safetensorsHeaderBytes(prefix.subarray(0, bytesRead), file.sizeBytes, file.name);
    const bytes = new Uint8Array(HEADER_PREFIX_BYTES + length);
    await readFully(handle, bytes, 0, file.name);
    return (await readSafetensorsHeader(bytes, file.sizeBytes, file.name)).tensors;
  } finally {
    await handle.close();
  }
}

function becameShorter(fileName: string): AppError {
  return new AppError('malformed-file', `${fileName} became shorter while it was read.`, {
    remedy: 'Something else is writing to that file: let it finish, then try again.',
  });
}

/** Reads until `target` is full or the file ends. @returns how many bytes there were */
function readUpTo(fd: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.byteLength) {
    const count = readSync(fd, target, done, target.byteLength - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

async function readFully(
  handle: FileHandle,
  target: Uint8Array,
  position: number,
  fileName: string,
  signal?: AbortSignal,
): Promise<void> {
  let done = 0;
  while (done < target.byteLength) {
    if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    const length = Math.min(READ_BYTES, target.byteLength - done);
    const { bytesRead } = await handle.read(target, done, length, position + done);
    if (bytesRead === 0) throw becameShorter(fileName);
    done += bytesRead;
  }
}

async function readAllHeaders(
  directory: string,
): Promise<{ files: WeightsFile[]; tensors: TensorInfo[] }> {
  try {
    // Where both exist, transformers takes the single file.
    const single = await requireRegularFile(directory, WEIGHTS_FILE);
    return { files: [single], tensors: await readHeader(directory, single) };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'not-found') throw toAppError(error);
  }
  const indexText = await readText(path.join(directory, SHARD_INDEX_FILE), MAX_INDEX_BYTES);
  if (indexText === null) {
    await refuseGguf(directory);
    throw new AppError(
      'not-found',
      `There is neither ${WEIGHTS_FILE} nor ${SHARD_INDEX_FILE} in ${directory}.`,
      because(
        'no-weights',
        { folder: directory },
        { remedy: 'Nibble reads safetensors: choose a repository or a folder that has them.' },
      ),
    );
  }
  const index = await readShardIndex(indexText);
  const files: WeightsFile[] = [];
  const headers = new Map<string, TensorInfo[]>();
  for (const name of index.files) {
    const file = await requireRegularFile(directory, name);
    files.push(file);
    headers.set(name, await readHeader(directory, file));
  }
  return { files, tensors: joinShards(index, headers) };
}

/**
 * Opens a checkpoint folder: config.json and one safetensors file or an index with its shards.
 *
 * Files may be symbolic links, also to places outside the folder: the hub's own cache is made of such links, and the
 * folder is one that the person chose. Names from the index may not leave it.
 *
 * @throws AppError `not-found`, `malformed-file`, `permission-denied`
 */
export async function openCheckpoint(directory: string): Promise<OpenCheckpoint> {
  const { config, configText } = await readConfig(directory);
  const { files, tensors } = await readAllHeaders(directory);
  // Opened when first read: a checkpoint may have hundreds of shards, and a process only so many files.
  const handles = new Map<string, Promise<FileHandle>>();
  let isClosed = false;
  // What was read last of the beginnings of tensors: the small ones lie behind each other.
  let around: { file: string; start: number; end: number; bytes: Buffer } | undefined;

  const handleOf = (file: string): Promise<FileHandle> => {
    if (isClosed) throw new AppError('internal', `The checkpoint ${directory} is closed.`);
    const handle = handles.get(file) ?? open(path.join(directory, file));
    handles.set(file, handle);
    return handle;
  };
  const readRange: OpenCheckpoint['readRange'] = async (tensor, start, end, options = {}) => {
    if (start < 0 || end < start || end > tensor.byteLength)
      throw new AppError('internal', `Bytes ${start} to ${end} are not within ${tensor.name}.`);
    // Not zeroed: every byte is read over, or the read throws.
    const bytes = Buffer.allocUnsafeSlow(end - start);
    try {
      const handle = await handleOf(tensor.file);
      await readFully(handle, bytes, tensor.byteOffset + start, tensor.file, options.signal);
    } catch (error) {
      throw toAppError(error);
    }
    return bytes;
  };
  return {
    directory,
    config,
    configText,
    tensors,
    files,
    readRange,
    readStart: async (tensor, limit) => {
      const length = Math.min(tensor.byteLength, limit);
      try {
        const { fd } = await handleOf(tensor.file);
        const from = tensor.byteOffset;
        if (around?.file !== tensor.file || from < around.start || from + length > around.end) {
          const bytes = Buffer.allocUnsafeSlow(Math.max(length, SMALL_TENSORS_BYTES));
          const end = from + readUpTo(fd, bytes, from);
          around = { file: tensor.file, start: from, end, bytes };
          if (end < from + length) throw becameShorter(tensor.file);
        }
        const { bytes, start } = around;
        return bytes.subarray(from - start, from - start + length);
      } catch (error) {
        throw toAppError(error);
      }
    },
    readTensor: (tensor, options) => readRange(tensor, 0, tensor.byteLength, options),
    locate: async ({ file, byteOffset, byteLength }) => {
      const { sizeBytes } = await requireRegularFile(directory, file);
      if (sizeBytes < byteOffset + byteLength) throw becameShorter(file);
      return { path: path.join(directory, file), byteOffset, byteLength };
    },
    close: async () => {
      isClosed = true;
      const settled = await Promise.allSettled(handles.values());
      handles.clear();
      for (const result of settled) if (result.status === 'fulfilled') await result.value.close();
    },
  };
}
