import { z } from 'zod';
import { AppError } from '../contract/error.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { findDuplicateKey } from './json-keys.ts';

export const SHARD_INDEX_FILE = 'model.safetensors.index.json';

/** Indexes of the largest models have a few megabytes; parsing needs several times the text. */
export const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/** The largest published checkpoints have under a thousand shards; each costs an open file and a header. */
const MAX_SHARDS = 10_000;

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Which file of a sharded checkpoint holds which tensor. */
export interface ShardIndex {
  /** Bare names, sorted: the order in which the shards are numbered. */
  readonly files: readonly string[];
  /** Tensor name to file name. */
  readonly weightMap: ReadonlyMap<string, string>;
}

function malformed(what: string, cause?: unknown): AppError {
  return new AppError('malformed-file', `${SHARD_INDEX_FILE}: ${what}`, {
    remedy: 'Download the checkpoint again, or ask its author for a good copy.',
    cause,
  });
}

/**
 * A name that stays inside the folder on every system: no separators, no drive, no device, not hidden.
 */
function isBareSafetensorsName(name: string): boolean {
  return name.length <= 255 && /^[A-Za-z0-9_][A-Za-z0-9_.+-]*\.safetensors$/.test(name);
}

/**
 * Reads `model.safetensors.index.json`.
 *
 * @throws AppError `malformed-file`: not JSON, a tensor twice, or a file name that could leave the folder
 */
export function parseShardIndex(text: string): ShardIndex {
  if (text.length > MAX_INDEX_BYTES)
    throw malformed(
      `it has ${text.length} characters; ${MAX_INDEX_BYTES} is the most that is read.`,
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw malformed('it is not JSON.', error);
  }
  const duplicate = findDuplicateKey(text, json);
  if (duplicate !== null) throw malformed(`it has ${JSON.stringify(duplicate)} twice.`);
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success)
    throw malformed('it has no weight_map from tensor names to file names.', parsed.error);
  // zod builds the record anew and drops a key named __proto__; the header check then reports it as not indexed.
  const weightMap = new Map(Object.entries(parsed.data.weight_map));
  const files = [...new Set(weightMap.values())].sort();
  if (files.length === 0) throw malformed('it lists no files.');
  if (files.length > MAX_SHARDS)
    throw malformed(`it lists ${files.length} files; ${MAX_SHARDS} is the most that is read.`);
  for (const file of files)
    if (!isBareSafetensorsName(file))
      throw malformed(
        `${JSON.stringify(file.slice(0, 80))} is not the name of a safetensors file in the same folder.`,
      );
  return { files, weightMap };
}

/**
 * Joins the headers of all shards into one list, in the order of the files and within each of the bytes.
 *
 * @param headers The tensors of each file of the index.
 * @throws AppError `malformed-file` when index and shards disagree about where a tensor is
 */
export function joinShards(
  index: ShardIndex,
  headers: ReadonlyMap<string, readonly TensorInfo[]>,
): TensorInfo[] {
  const joined: TensorInfo[] = [];
  const seen = new Set<string>();
  for (const file of index.files) {
    for (const tensor of headers.get(file) ?? []) {
      const expected = index.weightMap.get(tensor.name);
      if (expected !== file)
        throw malformed(
          `tensor ${tensor.name} is in ${file}, but the index ${expected === undefined ? 'does not know it' : `says it is in ${expected}`}.`,
        );
      seen.add(tensor.name);
      joined.push(tensor);
    }
  }
  for (const [name, file] of index.weightMap)
    if (!seen.has(name)) throw malformed(`tensor ${name} should be in ${file}, but is not there.`);
  return joined;
}
