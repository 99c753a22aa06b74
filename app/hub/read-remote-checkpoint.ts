import {
  containerOf,
  containers,
  MAX_CONFIG_BYTES,
  type CheckpointSource,
} from '../checkpoint/index.ts';
import type { TensorInfo } from '../contract/checkpoint.ts';
import { AppError } from '../contract/error.ts';
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

/** A repository as a container's headers are read from it. */
function repositorySource(
  reader: RemoteReader,
  listed: readonly RepositoryFile[],
  { name: repository }: Repository,
): CheckpointSource {
  const sizes = new Map(listed.map((file) => [file.path, file.sizeBytes]));
  return {
    name: repository,
    firstReadBytes: FIRST_READ_BYTES,
    parallelReads: PARALLEL_READS,
    sizeOf: (name) => Promise.resolve(sizes.get(name) ?? null),
    readSmall: async (name, maxBytes) =>
      sizes.has(name) ? await reader.small(name, maxBytes) : null,
    withFile: (name, use) => use((start, end) => reader.range(name, start, end)),
    missing: (name) => new AppError('not-found', `${name} is missing in ${repository}.`),
  };
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
  const source = repositorySource(reader, repository.files, repository);
  const container = containerOf([...names]) ?? containers[0];
  let files: readonly RepositoryFile[] = listed;
  const meter = new ProgressMeter({
    step: repository.name,
    phase: 'list',
    unit: 'files',
    total: null,
    onProgress,
  });
  const { config, tensors } = await container.read({
    ...source,
    onFiles: (weights) => {
      files = selectFiles(repository.files, weights);
      meter.setTotal(weights.length);
    },
    onRead: (name) => {
      meter.advance(1, name);
    },
  });
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
