import {
  CONFIG_FILE,
  HEADER_PREFIX_BYTES,
  joinShards,
  MAX_CONFIG_BYTES,
  MAX_INDEX_BYTES,
  parseConfig,
  readSafetensorsHeader,
  readShardIndex,
  safetensorsHeaderBytes,
  SHARD_INDEX_FILE,
  WEIGHTS_FILE,
} from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { parseJson } from '../json/index.ts';
import type { Progress } from '../contract/progress.ts';
import { ProgressMeter } from '../progress/index.ts';
import type { Hub } from './hub.ts';
import type { Repository, RepositoryFile } from './repository.ts';
import { selectFiles } from './select-files.ts';

/** A shard of a dense model has a header of 10 to 40 kB: one request is then enough, and little is fetched in vain. */
const FIRST_READ_BYTES = 64 * 1024;

/** Requests at a time: headers are small, so waiting for the server is all they cost. */
const PARALLEL_READS = 4;

const TOKENIZER = 'tokenizer.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';
const TEMPLATES: readonly string[] = ['chat_template.jinja', 'chat_template.json'];

/** What can be known of a checkpoint before it is downloaded. */
export interface RemoteCheckpoint {
  /** What a download takes. */
  readonly files: readonly RepositoryFile[];
  /** config.json, parsed but not checked. */
  readonly config: unknown;
  /** Every tensor, in the order of the files. */
  readonly tensors: readonly TensorInfo[];
  readonly hasTokenizer: boolean;
  readonly hasChatTemplate: boolean;
  /** Bytes of the files that were read for it. */
  readonly transferredBytes: number;
}

export interface ReadRemoteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Reads parts of a repository's files and counts the bytes. */
class RemoteReader {
  readonly #hub: Hub;
  readonly #repository: Repository;
  readonly #signal: AbortSignal | undefined;
  transferredBytes = 0;

  constructor(hub: Hub, repository: Repository, signal: AbortSignal | undefined) {
    this.#hub = hub;
    this.#repository = repository;
    this.#signal = signal;
  }

  async range(path: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const { name, commit } = this.#repository;
    const bytes = await this.#hub.readRange(name, commit, path, start, end, {
      signal: this.#signal,
    });
    this.transferredBytes += bytes.byteLength;
    return bytes;
  }

  async small(path: string, maxBytes: number): Promise<Uint8Array> {
    const { name, commit } = this.#repository;
    const bytes = await this.#hub.readSmallFile(name, commit, path, maxBytes, {
      signal: this.#signal,
    });
    this.transferredBytes += bytes.byteLength;
    return bytes;
  }

  async json(path: string, maxBytes: number): Promise<unknown> {
    return parseJson(await this.small(path, maxBytes), {
      name: path,
      maxBytes,
      python: true,
      remedy: 'Tell the owner of the repository, or choose another one.',
      signal: this.#signal,
    });
  }
}

/** The tensors of one weights file, from its first bytes. */
async function readHeader(reader: RemoteReader, file: RepositoryFile): Promise<TensorInfo[]> {
  const first = await reader.range(
    file.path,
    0,
    Math.min(FIRST_READ_BYTES, Math.max(HEADER_PREFIX_BYTES, file.sizeBytes)),
  );
  const end = HEADER_PREFIX_BYTES + safetensorsHeaderBytes(first, file.sizeBytes, file.path);
  if (end <= first.byteLength)
    return (await readSafetensorsHeader(first.subarray(0, end), file.sizeBytes, file.path)).tensors;
  const rest = await reader.range(file.path, first.byteLength, end);
  const bytes = new Uint8Array(first.byteLength + rest.byteLength);
  bytes.set(first);
  bytes.set(rest, first.byteLength);
  return (await readSafetensorsHeader(bytes, file.sizeBytes, file.path)).tensors;
}

async function readHeaders(
  reader: RemoteReader,
  files: readonly RepositoryFile[],
  meter: ProgressMeter,
): Promise<Map<string, TensorInfo[]>> {
  const headers = new Map<string, TensorInfo[]>();
  const queue = [...files];
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      headers.set(file.path, await readHeader(reader, file));
      meter.advance(1, file.path);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL_READS }, work));
  } finally {
    queue.length = 0;
  }
  return headers;
}

/**
 * Reads a checkpoint's configuration and the headers of its weights, and nothing of the weights themselves: one or two
 * range requests per file.
 *
 * @throws AppError as `Hub.readRange`; `malformed-file` and `unsupported-model` for what is not a checkpoint
 */
export async function readRemoteCheckpoint(
  hub: Hub,
  repository: Repository,
  { signal, onProgress }: ReadRemoteOptions = {},
): Promise<RemoteCheckpoint> {
  const listed = selectFiles(repository.files);
  const names = new Set(listed.map((file) => file.path));
  const reader = new RemoteReader(hub, repository, signal);
  const config = await parseConfig(await reader.small(CONFIG_FILE, MAX_CONFIG_BYTES), CONFIG_FILE);
  const index = names.has(WEIGHTS_FILE)
    ? null
    : await readShardIndex(await reader.small(SHARD_INDEX_FILE, MAX_INDEX_BYTES));
  const files = selectFiles(repository.files, index?.files);
  const weights = files.filter(({ path }) => (index?.files ?? [WEIGHTS_FILE]).includes(path));
  const meter = new ProgressMeter({
    step: repository.name,
    phase: 'list',
    unit: 'files',
    total: weights.length,
    onProgress,
  });
  const headers = await readHeaders(reader, weights, meter);
  const tensors = index === null ? (headers.get(WEIGHTS_FILE) ?? []) : joinShards(index, headers);
  const hasChatTemplate =
    TEMPLATES.some((name) => names.has(name)) ||
    (names.has(TOKENIZER_CONFIG) &&
      hasTemplate(await reader.json(TOKENIZER_CONFIG, MAX_CONFIG_BYTES)));
  meter.finish();
  return {
    files,
    config,
    tensors,
    hasTokenizer: names.has(TOKENIZER),
    hasChatTemplate,
    transferredBytes: reader.transferredBytes,
  };
}

function hasTemplate(config: unknown): boolean {
  if (typeof config !== 'object' || config === null || !('chat_template' in config)) return false;
  return config.chat_template !== null && config.chat_template !== '';
}
