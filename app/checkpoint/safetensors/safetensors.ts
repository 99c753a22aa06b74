import type { TensorInfo } from '../../contract/checkpoint.ts';
import { AppError, because } from '../../contract/error.ts';
import { CONFIG_FILE, MAX_CONFIG_BYTES, parseConfig } from '../config.ts';
import type { CheckpointSource, Container, ContainerContents } from '../container.ts';
import { HEADER_PREFIX_BYTES, readSafetensorsHeader, safetensorsHeaderBytes } from './header.ts';
import { joinShards, MAX_INDEX_BYTES, readShardIndex, SHARD_INDEX_FILE } from './shard-index.ts';

export const WEIGHTS_FILE = 'model.safetensors';

const ENDING = /\.safetensors$/;

/**
 * Names of shards, the usual ones first. A listing may hold the same weights more than once (in another precision, in
 * their makers' own layout). The index names the right ones; these are what a listing alone can tell.
 */
const SHARDS = [
  /^model-\d{5}-of-\d{5}\.safetensors$/,
  /^model.*-\d{5}-of-\d{5}\.safetensors$/,
  /-\d{5}-of-\d{5}\.safetensors$/,
  ENDING,
] as const;

function usualShards(names: readonly string[]): readonly string[] {
  for (const pattern of SHARDS) {
    const shards = names.filter((name) => pattern.test(name));
    if (shards.length > 0) return shards;
  }
  return [];
}

/** Where transformers looks for weights: one file, or the index of several. */
function weightsAmong(
  names: readonly string[],
  indexed: readonly string[] = usualShards(names),
): readonly string[] {
  if (names.includes(WEIGHTS_FILE)) return [WEIGHTS_FILE];
  return names.includes(SHARD_INDEX_FILE) && indexed.length > 0
    ? [SHARD_INDEX_FILE, ...indexed]
    : [];
}

/** The tensors of one file, in one or two reads. */
async function readTensors(source: CheckpointSource, name: string): Promise<TensorInfo[]> {
  const size = await source.sizeOf(name);
  if (size === null) throw source.missing(name);
  return source.withFile(name, async (read) => {
    // A server does not answer a range that starts behind the end: an empty file is asked for as if it were longer.
    const first = await read(
      0,
      Math.min(source.firstReadBytes, Math.max(HEADER_PREFIX_BYTES, size)),
    );
    const end = HEADER_PREFIX_BYTES + safetensorsHeaderBytes(first, size, name);
    if (end <= first.byteLength)
      return (await readSafetensorsHeader(first.subarray(0, end), size, name)).tensors;
    const bytes = new Uint8Array(end);
    bytes.set(first);
    bytes.set(await read(first.byteLength, end), first.byteLength);
    return (await readSafetensorsHeader(bytes, size, name)).tensors;
  });
}

/** The tensors of all files, some of them read at the same time. */
async function readAllTensors(
  source: CheckpointSource,
  names: readonly string[],
): Promise<Map<string, TensorInfo[]>> {
  const headers = new Map<string, TensorInfo[]>();
  const queue = [...names];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      headers.set(name, await readTensors(source, name));
      source.onRead?.(name);
    }
  };
  try {
    await Promise.all(Array.from({ length: source.parallelReads }, work));
  } finally {
    queue.length = 0;
  }
  return headers;
}

async function readConfig(
  source: CheckpointSource,
): Promise<Pick<ContainerContents, 'config' | 'configText'>> {
  const text = await source.readSmall(CONFIG_FILE, MAX_CONFIG_BYTES);
  if (text === null) throw source.missing(CONFIG_FILE);
  const config = await parseConfig(text, CONFIG_FILE);
  return { config, configText: typeof text === 'string' ? text : new TextDecoder().decode(text) };
}

async function read(source: CheckpointSource): Promise<ContainerContents> {
  const configured = { ...(await readConfig(source)), auxiliary: new Map<string, string>() };
  // Where both exist, transformers takes the single file.
  if ((await source.sizeOf(WEIGHTS_FILE)) !== null) {
    source.onFiles?.([WEIGHTS_FILE]);
    const headers = await readAllTensors(source, [WEIGHTS_FILE]);
    return { ...configured, files: [WEIGHTS_FILE], tensors: headers.get(WEIGHTS_FILE) ?? [] };
  }
  const text = await source.readSmall(SHARD_INDEX_FILE, MAX_INDEX_BYTES);
  if (text === null)
    throw new AppError(
      'not-found',
      `There is neither ${WEIGHTS_FILE} nor ${SHARD_INDEX_FILE} in ${source.name}.`,
      because(
        'no-weights',
        { folder: source.name },
        { remedy: 'Nibble reads safetensors: choose a repository or a folder that has them.' },
      ),
    );
  const index = await readShardIndex(text);
  source.onFiles?.(index.files);
  const headers = await readAllTensors(source, index.files);
  return { ...configured, files: index.files, tensors: joinShards(index, headers) };
}

/** Files of safetensors beside a config.json, as transformers lays them: one of them, or an index and its shards. */
export const safetensors: Container = {
  id: 'safetensors',
  hubTag: 'safetensors',
  expects: `${WEIGHTS_FILE} nor ${SHARD_INDEX_FILE}`,
  index: {
    file: SHARD_INDEX_FILE,
    maxBytes: MAX_INDEX_BYTES,
    filesIn: async (text) => (await readShardIndex(text)).files,
  },
  required: [CONFIG_FILE],
  isWeightsFile: (name) => ENDING.test(name),
  weightsAmong,
  read,
};
