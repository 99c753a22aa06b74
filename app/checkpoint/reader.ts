import { readSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { fileState, type FileState } from '../disk/index.ts';
import { CONFIG_FILE } from './config.ts';
import type { CheckpointSource, Container, ContainerContents } from './container.ts';
import { containerOf, containers } from './containers.ts';

/** The weight of the output layer, where it has one of its own. */
export const OUTPUT_LAYER = 'lm_head.weight';

/** The weight of the embeddings. */
export const EMBEDDINGS = 'model.embed_tokens.weight';

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

/**
 * A checkpoint whose headers have been read and found sound, whatever container its weights are in. Everything that needs
 * a checkpoint goes through it. Holds files open: close it.
 */
export interface CheckpointReader {
  readonly directory: string;
  /** Id of the container that its weights are in. */
  readonly container: string;
  /** config.json, parsed. */
  readonly config: Readonly<Record<string, unknown>>;
  /** config.json as it was written. */
  readonly configText: string;
  /** In the order of the files, and within each in the order of the bytes. */
  readonly tensors: readonly TensorInfo[];
  readonly files: readonly WeightsFile[];
  /** The file that names the files with weights; null where there is but one of them. */
  readonly indexFile: string | null;
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
  place: (tensor: TensorInfo) => Promise<TensorPlace>;
  /**
   * A text that a tokenizer or a chat template is made of (`tokenizer.json`, ...): the container's own, else the file of
   * that name beside the weights; null where there is neither.
   *
   * @throws AppError `malformed-file` when it is larger than `maxBytes`
   */
  readAuxiliary: (name: string, maxBytes: number) => Promise<string | null>;
  close: () => Promise<void>;
}

/** A run of bytes of a file, and what is stored there. */
export interface TensorPlace {
  readonly path: string;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly dtype: TensorInfo['dtype'];
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

/** @throws AppError `unsupported-model` when there are GGUF files among the names of a folder that has nothing else */
function refuseGguf(directory: string, names: readonly string[]): void {
  if (names.some((name) => /\.gguf$/i.test(name))) throw ggufOnly(directory);
}

/** @returns null where there is none @throws AppError `malformed-file` for what is no regular file */
async function statFile(directory: string, name: string): Promise<WeightsFile | null> {
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
  return null;
}

async function requireRegularFile(directory: string, name: string): Promise<WeightsFile> {
  const file = await statFile(directory, name);
  if (file === null) throw missingIn(directory, name);
  return file;
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

/** What a missing file of a folder is told with. */
function missingIn(directory: string, name: string): AppError {
  const remedy =
    name === CONFIG_FILE
      ? 'Give the folder of a checkpoint in the layout of transformers.'
      : 'Download the checkpoint again: the files that are there are kept.';
  return missingFile(name, directory, remedy);
}

/** A folder as a container's headers are read from it; `seen` gets each file as it was before that. */
function folderSource(directory: string, seen: Map<string, WeightsFile>): CheckpointSource {
  return {
    name: directory,
    // A header is read whole as soon as its length is known.
    firstReadBytes: 8,
    parallelReads: 1,
    sizeOf: async (name) => {
      const file = await statFile(directory, name);
      if (file !== null) seen.set(name, file);
      return file?.sizeBytes ?? null;
    },
    readSmall: (name, maxBytes) => readText(path.join(directory, name), maxBytes),
    missing: (name) => missingIn(directory, name),
    withFile: async (name, use) => {
      const handle = await open(path.join(directory, name));
      try {
        const { size } = await handle.stat();
        return await use(async (start, end) => {
          const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
          await readFully(handle, bytes, start, name);
          return bytes;
        });
      } finally {
        await handle.close();
      }
    },
  };
}

/** What a folder's headers say, and of which container they are. */
async function readContents(
  directory: string,
  known: readonly Container[],
  seen: Map<string, WeightsFile>,
): Promise<{ container: Container; contents: ContainerContents }> {
  const names = await readdir(directory).catch(() => []);
  const container = containerOf(names, known);
  try {
    // Where there is none of any, the first one says what is missing.
    const chosen = container ?? containers[0];
    return { container: chosen, contents: await chosen.read(folderSource(directory, seen)) };
  } catch (error) {
    if (container === null && toAppError(error).code === 'not-found') refuseGguf(directory, names);
    throw error;
  }
}

/**
 * Opens a checkpoint folder: config.json and weights in one of the containers.
 *
 * Files may be symbolic links, also to places outside the folder: the hub's own cache is made of such links, and the
 * folder is one that the person chose. Names from an index may not leave it.
 *
 * @param known the containers that are looked for
 * @throws AppError `not-found`, `malformed-file`, `permission-denied`
 */
export async function openCheckpoint(
  directory: string,
  known: readonly Container[] = containers,
): Promise<CheckpointReader> {
  const seen = new Map<string, WeightsFile>();
  const { container, contents } = await readContents(directory, known, seen);
  const { config, configText, tensors, auxiliary } = contents;
  const files: WeightsFile[] = [];
  for (const name of contents.files)
    files.push(seen.get(name) ?? (await requireRegularFile(directory, name)));
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
  const readRange: CheckpointReader['readRange'] = async (tensor, start, end, options = {}) => {
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
    container: container.id,
    config,
    configText,
    tensors,
    files,
    indexFile: files.length > 1 ? (container.index?.file ?? null) : null,
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
    place: async ({ file, byteOffset, byteLength, dtype }) => {
      const { sizeBytes } = await requireRegularFile(directory, file);
      if (sizeBytes < byteOffset + byteLength) throw becameShorter(file);
      return { path: path.join(directory, file), byteOffset, byteLength, dtype };
    },
    readAuxiliary: async (name, maxBytes) =>
      auxiliary.get(name) ?? (await readText(path.join(directory, name), maxBytes)),
    close: async () => {
      isClosed = true;
      const settled = await Promise.allSettled(handles.values());
      handles.clear();
      for (const result of settled) if (result.status === 'fulfilled') await result.value.close();
    },
  };
}
