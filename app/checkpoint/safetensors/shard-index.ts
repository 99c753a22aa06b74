import { AppError, because } from '../../contract/error.ts';
import type { TensorInfo } from '../../contract/checkpoint.ts';
import { parseJson } from '../../json/index.ts';

export const SHARD_INDEX_FILE = 'model.safetensors.index.json';

/** Indexes of the largest models have a few megabytes. */
export const MAX_INDEX_BYTES = 32 * 1024 * 1024;

/** The largest published checkpoints have under a thousand shards; each costs an open file and a header. */
const MAX_SHARDS = 2_000;

/** Two strings a tensor: mixture-of-experts models with their scales have up to 150,000. */
const MAX_VALUES = 1_000_000;

/** Which files a sharded checkpoint is made of. */
export interface ShardIndex {
  /** Bare names, sorted: the order in which the shards are numbered. */
  readonly files: readonly string[];
}

const REMEDY = 'Download the checkpoint again, or ask its author for a good copy.';

function malformed(what: string): AppError {
  return new AppError('malformed-file', `${SHARD_INDEX_FILE}: ${what}`, { remedy: REMEDY });
}

/** Device names that Windows opens instead of a file, with any extension. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;

/** Separators and what Windows forbids or gives a meaning; characters that do not show, or that turn the text around. */
const UNSAFE = /[\\/:*?"<>|\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * A name that stays inside the folder on every system: no separators, no drive, no device, not hidden. Spaces and letters
 * of every language are what people call their files.
 */
function isBareSafetensorsName(name: string): boolean {
  return (
    name.length <= 255 &&
    name.endsWith('.safetensors') &&
    !/^[. ]/.test(name) &&
    !UNSAFE.test(name) &&
    !WINDOWS_DEVICE.test(name)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads `model.safetensors.index.json`. As transformers does, it takes the names of the files from it and no more: which
 * tensor a file holds, its own header says.
 *
 * @throws AppError `malformed-file`: not JSON, or a file name that could leave the folder
 */
export async function readShardIndex(text: Uint8Array | string): Promise<ShardIndex> {
  const json = await parseJson(text, {
    name: SHARD_INDEX_FILE,
    maxBytes: MAX_INDEX_BYTES,
    maxValues: MAX_VALUES,
    python: true,
    remedy: REMEDY,
  });
  const map = isRecord(json) ? json['weight_map'] : undefined;
  const names = isRecord(map) ? [...new Set(Object.values(map))] : [];
  const files = names.filter((name) => typeof name === 'string').sort();
  if (files.length === 0 || files.length < names.length)
    throw malformed('it has no weight_map from tensor names to file names.');
  if (files.length > MAX_SHARDS)
    throw malformed(`it lists ${files.length} files; ${MAX_SHARDS} is the most that is read.`);
  const unsafe = files.find((file) => !isBareSafetensorsName(file));
  if (unsafe !== undefined) {
    const shown = unsafe.slice(0, 80);
    throw new AppError(
      'malformed-file',
      `${SHARD_INDEX_FILE}: ${JSON.stringify(shown)} is not the name of a safetensors file in the same folder.`,
      because('unsafe-file-name', { file: SHARD_INDEX_FILE, name: shown }, { remedy: REMEDY }),
    );
  }
  return { files };
}

/** More than any published checkpoint has in all its shards. */
const MAX_TENSORS = 1_000_000;

/**
 * Joins the headers of all shards into one list, in the order of the files and within each of the bytes. Of a tensor that
 * several shards have, the last one counts, as for transformers.
 *
 * @param headers The tensors of each file of the index.
 * @throws AppError `malformed-file` for more tensors than any checkpoint has
 */
export function joinShards(
  index: ShardIndex,
  headers: ReadonlyMap<string, readonly TensorInfo[]>,
): TensorInfo[] {
  const fileOf = new Map<string, string>();
  for (const file of index.files)
    for (const { name } of headers.get(file) ?? []) {
      fileOf.set(name, file);
      if (fileOf.size > MAX_TENSORS)
        throw malformed(`its files have more than ${MAX_TENSORS} tensors.`);
    }
  return index.files.flatMap((file) =>
    (headers.get(file) ?? []).filter(({ name }) => fileOf.get(name) === file),
  );
}
