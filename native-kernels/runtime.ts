import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { loadAddon } from './addon.ts';
import { outsideArchive } from './packed.ts';
import type { InstructionSet } from './quantizers.ts';

/** `fast` rounds activations to int8 inside the matrix products; `exact` keeps them in float32. */
export type ExecutionMode = 'fast' | 'exact';

/**
 * Where a graph is computed: `cpu` takes graphs of our operators, the others such of ONNX Runtime's own operators.
 * `standard-cpu` computes those on the processor: it is how they are tested where there is no GPU.
 */
export type GraphDevice = 'cpu' | 'webgpu' | 'standard-cpu';

/** Element type of the KV cache. `int8` has a scale for each head of a position. */
export type CacheType = 'f32' | 'f16' | 'int8';

export interface OpenOptions {
  /** Path of a graph for `device`. */
  graphPath: string;
  /** The folder of the files that hold its weights. @default that of the graph */
  weightsFolder?: string | undefined;
  /** Most positions (tokens) the cache will hold. Memory grows with use, not with this number. */
  contextLength: number;
  /** Threads of the matrix products, the calling one included. @default one per physical core */
  threads?: number;
  /** @default 'fast' */
  mode?: ExecutionMode;
  /** @default 'f16' */
  cacheType?: CacheType;
  /** @default the best that this processor offers */
  isa?: InstructionSet;
  /** Whether to measure where the time goes (`Model.profile`). Only on the CPU. @default false */
  profile?: boolean;
  /** @default 'cpu' */
  device?: GraphDevice;
}

/** A decoder on a CUDA device. */
export interface CudaOptions {
  /** What it is made of and where its weights lie, as native-kernels/cuda/decoder/plan.h defines it. */
  plan: string;
  /** The folder of the weights' files. */
  directory: string;
  /** Most positions (tokens) the cache will hold. Memory grows with use, not with this number. */
  contextLength: number;
  /** The device's number. @default 0 */
  ordinal?: number;
}

/** What one node of the graph took, all its calls together. */
export interface ProfileNode {
  /** The operator's name, and the node's in the graph. */
  operator: string;
  name: string;
  calls: number;
  ms: number;
  /** Weights and cache that were read, each counted once per call. */
  bytes: number;
}

/** Where the time of one phase went. What `runMs` is more than the nodes' sum is ONNX Runtime's own. */
export interface ProfilePhase {
  /** Runs of the graph, and the tokens they appended. */
  runs: number;
  tokens: number;
  runMs: number;
  /** From logits to a token. */
  samplingMs: number;
  nodes: ProfileNode[];
}

export interface Profile {
  /** Prompts and `evaluate`. */
  prefill: ProfilePhase;
  /** Tokens after the first of an answer, one at a time. */
  decode: ProfilePhase;
}

/** Applied in this order: repetition penalty, temperature, top-k, top-p, min-p, then the draw. */
export interface SamplingOptions {
  /** 0 = greedy: the highest logit, on ties the lowest id. */
  temperature: number;
  /** Keep the k highest logits. 0 = off. */
  topK: number;
  /** Keep the fewest tokens whose probabilities reach p. 1 = off. */
  topP: number;
  /** Keep tokens at least this fraction as probable as the most probable one. 0 = off. */
  minP: number;
  /** Logits of tokens seen so far are divided (if positive) or multiplied (if negative) by it. 1 = off. */
  repetitionPenalty: number;
  /**
   * An integer from 0 to 2^53 - 1. The random number of a token depends only on the seed and on its absolute
   * position, so the same seed gives the same text in any process.
   */
  seed: number;
}

export interface TokenEvent {
  id: number;
  /** Absolute position that the token takes in the context. */
  position: number;
  /** Natural logarithm of its probability in the model's own distribution (temperature 1, nothing cut off). */
  logprob: number;
  /** Milliseconds since the request began to run, prefill included. */
  elapsedMs: number;
  /** The most probable tokens in the model's own distribution, in falling order. */
  alternatives: { id: number; logprob: number }[];
}

export interface GenerateRequest {
  /**
   * Appended at `model.position`; the last one's logits start the sampling. None begins the answer to the last prompt
   * again, with the same bits: the context must have been truncated to where that prompt ended.
   */
  ids: readonly number[];
  /** Tokens that count for the repetition penalty besides `ids`: what the cache holds already. */
  history?: readonly number[];
  sampling: SamplingOptions;
  maxTokens: number;
  /** Sampling one of these ends the answer; the token is delivered and is the last of `GenerateResult.ids`. */
  stopIds: readonly number[];
  /** How many `alternatives` each event carries, at most 64. @default 0 */
  alternatives?: number;
  /** Called in order for every token, soon after it was sampled. Must not throw. */
  onToken: (token: TokenEvent) => void;
  signal?: AbortSignal;
}

export interface GenerateResult {
  ids: number[];
  stop: 'stop-token' | 'max-tokens' | 'context-full' | 'cancelled';
  promptTokens: number;
  /** Time until the logits of the last prompt token were there. */
  prefillMs: number;
  /** Time from then to the end. */
  decodeMs: number;
  /** Positions in the cache now: the prompt and all generated tokens but the last one sampled. */
  position: number;
}

export interface EvaluateOptions {
  /** Which positions' logits are wanted: of none, of the last id, or of every id. */
  rows: 'none' | 'last' | 'all';
  signal?: AbortSignal;
}

export interface ScoreOptions {
  /** The token that came behind each of the ids; −1 where nothing is to be scored. */
  targets: readonly number[];
  /** Where the first id's row lies in the files below, which hold rows of float32 logits one behind the other. */
  firstRow: number;
  /** A file that takes the rows of the targets. */
  keep?: string | undefined;
  /** A file with another model's rows, to be measured against. */
  reference?: string | undefined;
  signal?: AbortSignal;
}

/** One value per target, in order. All sums are float64, the same bits on every processor. */
export interface Scores {
  /** −ln p(target), nats. */
  losses: Float64Array<ArrayBuffer>;
  /** KL(reference ‖ model), nats; empty without a reference. */
  kl: Float64Array<ArrayBuffer>;
  /** 1 where both think the same token most likely, of equals the lowest id; empty without a reference. */
  sameTop: Uint8Array<ArrayBuffer>;
}

export interface ModelMemory {
  /** Resident pages of the whole process, mapped weights included. */
  residentBytes: number;
  /** Pages that belong to the process alone (no file behind them). @returns null where the system does not tell */
  privateBytes: number | null;
  /** What the KV cache and the states of layers without one hold now, with the copies to go back to. */
  cacheBytes: number;
}

/** Codes of the errors thrown by this file; each is the `code` of an `Error`. */
export type RuntimeErrorCode =
  | 'invalid-input'
  | 'invalid-weights'
  | 'malformed-file'
  | 'runtime-unavailable'
  | 'kernel-failed'
  | 'unsupported-model'
  | 'out-of-memory'
  | 'aborted'
  | 'internal';

interface Submitted<T> {
  promise: Promise<T>;
  cancel: () => void;
}

interface Opened {
  handle: object;
  vocabularySize: number;
  chunk: number;
  loadMs: number;
}

/** What addon/runtime.cpp exports. A handle is an opaque, type-tagged object. */
interface RuntimeAddon {
  foreignReleases(): number;
  runtimeOpen(libraryPath: string): { onnxruntime: string; providers: string[] };
  runtimePrepare(libraryPath: string): Promise<undefined>;
  modelOpen(options: {
    graphPath: string;
    weightsFolder: string;
    contextLength: number;
    threads: number;
    mode: ExecutionMode;
    cacheType: CacheType;
    isa: InstructionSet | undefined;
    profile: boolean;
    device: GraphDevice;
  }): Submitted<Opened>;
  modelOpenCuda(options: Required<CudaOptions>): Submitted<Opened>;
  modelPosition(handle: object): number;
  modelTruncate(handle: object, position: number): void;
  modelMemory(handle: object): ModelMemory;
  modelProfile(handle: object): [prefill: ProfilePhase, decode: ProfilePhase] | null;
  modelClose(handle: object): Promise<void>;
  modelEvaluate(
    handle: object,
    ids: Int32Array,
    rows: EvaluateOptions['rows'],
  ): Submitted<Float32Array>;
  modelScore(
    handle: object,
    request: {
      ids: Int32Array;
      targets: Int32Array;
      firstRow: number;
      keep: string;
      reference: string;
      threads: number;
    },
  ): Submitted<Scores>;
  modelGenerate(
    handle: object,
    request: {
      ids: Int32Array;
      history: Int32Array;
      stopIds: Int32Array;
      sampling: SamplingOptions;
      maxTokens: number;
      alternatives: number;
    },
    onTokens: (batch: TokenEvent[]) => void,
  ): Submitted<GenerateResult>;
}

let opened: { addon: RuntimeAddon; version: { onnxruntime: string; providers: string[] } } | null =
  null;

/**
 * The addon, in a process that its ONNX Runtime tells nobody about: from 1.29 on the library reports to its maker what
 * process, models and devices it sees, keeps files for that in the person's folders, and dies of long command lines
 * while it looks for names in them. Set before the library is opened, this turns all of it off (Linux, macOS); where
 * the system itself collects such events (Windows), ort_library.cpp does.
 */
function runtimeAddon(): RuntimeAddon {
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  return loadAddon() as RuntimeAddon;
}

/** The addon with ONNX Runtime opened in it, once per process. */
function runtime(): NonNullable<typeof opened> {
  if (opened === null) {
    const addon = runtimeAddon();
    opened = { addon, version: addon.runtimeOpen(libraryPath()) };
  }
  return opened;
}

/**
 * Begins to open ONNX Runtime on another thread: whoever will open a model soon has other things to do until then. What
 * goes wrong here, `Model.open` says.
 */
export function prepareRuntime(): void {
  if (opened !== null) return;
  try {
    const addon = runtimeAddon();
    addon.runtimePrepare(libraryPath()).catch(() => undefined);
  } catch {
    // Model.open meets the same obstacle.
  }
}

/**
 * Where onnxruntime-node keeps its library for this platform.
 *
 * @throws Error with code 'runtime-unavailable' when the package is not there
 */
export function libraryPath(): string {
  const names: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'libonnxruntime.so.1',
    darwin: 'libonnxruntime.1.dylib',
    win32: 'onnxruntime.dll',
  };
  const name = names[process.platform];
  if (name === undefined) {
    throw failure('runtime-unavailable', `ONNX Runtime has no library for ${process.platform}`);
  }
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  } catch (cause) {
    throw failure('runtime-unavailable', 'The package onnxruntime-node is not installed', cause);
  }
  const folder = outsideArchive(dirname(manifest));
  return join(folder, 'bin', 'napi-v6', process.platform, process.arch, name);
}

function failure(code: RuntimeErrorCode, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** Token ids as the addon takes them. Ids outside the vocabulary are refused there. */
function toIds(ids: readonly number[], name: string): Int32Array {
  const result = Int32Array.from(ids);
  for (const [index, id] of ids.entries()) {
    if (result[index] !== id) {
      throw failure('invalid-input', `${name}[${index}] is no token id: ${id}`);
    }
  }
  return result;
}

/** Processor cores that this process may use. Matrix products gain nothing from a second thread of a core. */
export function defaultThreads(): number {
  const folder = '/sys/devices/system/cpu';
  try {
    const siblings = readdirSync(folder)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => readFileSync(join(folder, name, 'topology/thread_siblings_list'), 'utf8'));
    return Math.max(1, Math.min(new Set(siblings).size, availableParallelism()));
  } catch {
    // Only Linux tells in files.
    return availableParallelism();
  }
}

/** Waits for a command and cancels it when `signal`, which has not fired yet, fires. */
async function settled<T>(command: Submitted<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return command.promise;
  signal.addEventListener('abort', command.cancel, { once: true });
  try {
    return await command.promise;
  } finally {
    signal.removeEventListener('abort', command.cancel);
  }
}

/**
 * A model in memory with one context (KV cache).
 *
 * Commands (`evaluate`, `generate`) run on a thread of their own, one at a time in the order of the calls; a call made
 * while another runs waits for it. All errors are `Error`s with a `code` of RuntimeErrorCode. A command that fails or
 * is cancelled leaves in the context what was appended before, as `position` tells.
 */
export class Model {
  /** Number of logits of a row. */
  readonly vocabularySize: number;
  /**
   * Tokens of a prompt that are computed in one go, counted from the position where it began to be appended. Cut back to
   * such a place, the context continues with the same bits as if the prompt had been another from there on.
   */
  readonly chunk: number;
  /** Time that opening took. */
  readonly loadMs: number;
  readonly #addon: RuntimeAddon;
  readonly #handle: object;
  /** Threads that score rows. */
  readonly #threads: number;
  #closing: Promise<void> | null = null;

  private constructor(addon: RuntimeAddon, opened: Opened, threads: number) {
    this.#addon = addon;
    this.#threads = threads;
    this.#handle = opened.handle;
    this.vocabularySize = opened.vocabularySize;
    this.chunk = opened.chunk;
    this.loadMs = opened.loadMs;
  }

  /**
   * Loads a graph. Its weights are mapped, not read: they come into memory as they are used.
   *
   * @throws Error 'runtime-unavailable' (ONNX Runtime missing or too old), 'malformed-file' (no graph of our operators,
   *   or weights whose sizes do not fit), 'invalid-input' (no such file, bad options)
   */
  static async open(options: OpenOptions): Promise<Model> {
    const { addon } = runtime();
    const threads = options.threads ?? defaultThreads();
    const command = addon.modelOpen({
      graphPath: options.graphPath,
      weightsFolder: options.weightsFolder ?? '',
      contextLength: options.contextLength,
      threads,
      mode: options.mode ?? 'fast',
      cacheType: options.cacheType ?? 'f16',
      isa: options.isa,
      profile: options.profile ?? false,
      device: options.device ?? 'cpu',
    });
    return new Model(addon, await command.promise, threads);
  }

  /**
   * Loads a decoder onto a CUDA device: its weights are read from the files and kept there.
   *
   * @throws Error 'runtime-unavailable' (no driver, no device, no kernels in this build), 'unsupported-model' (the kernels
   *   cannot run it), 'malformed-file', 'out-of-memory', 'kernel-failed'; each says to take the CPU instead
   */
  static async openOnCuda(options: CudaOptions): Promise<Model> {
    const addon = loadAddon() as RuntimeAddon;
    const { promise } = addon.modelOpenCuda({ ordinal: 0, ...options });
    return new Model(addon, await promise, defaultThreads());
  }

  /** How many tokens the context holds. */
  get position(): number {
    return this.#addon.modelPosition(this.#handle);
  }

  /**
   * Appends `ids` at `position`.
   *
   * @returns the logits [rows, vocabularySize]; empty for 'none'
   * @throws Error 'invalid-input' (an id outside the vocabulary, more ids than the context has room for: nothing is
   *   appended then), 'aborted', 'out-of-memory'
   */
  async evaluate(ids: readonly number[], options: EvaluateOptions): Promise<Float32Array> {
    if (options.signal?.aborted === true) throw failure('aborted', 'the command was cancelled');
    const command = this.#addon.modelEvaluate(this.#handle, toIds(ids, 'ids'), options.rows);
    return settled(command, options.signal);
  }

  /**
   * Appends `ids` at `position`, and says of each target how well it was expected: what `evaluate` of all rows would
   * tell, without the logits.
   *
   * @throws Error as `evaluate`; 'invalid-weights' for logits that are no numbers, 'disk-full'
   */
  async score(ids: readonly number[], options: ScoreOptions): Promise<Scores> {
    if (options.signal?.aborted === true) throw failure('aborted', 'the command was cancelled');
    const command = this.#addon.modelScore(this.#handle, {
      ids: toIds(ids, 'ids'),
      targets: toIds(options.targets, 'targets'),
      firstRow: options.firstRow,
      keep: options.keep ?? '',
      reference: options.reference ?? '',
      threads: this.#threads,
    });
    return settled(command, options.signal);
  }

  /**
   * Appends a prompt and generates until a stop token, `maxTokens`, the end of the context or an abort.
   *
   * Every sampled token is appended but the last one: to go on, pass that one as the next `ids`. Should `onToken` throw,
   * the answer is cancelled and the promise rejects with what it threw.
   *
   * @throws Error as `evaluate`, but an abort resolves with stop 'cancelled'
   */
  async generate(request: GenerateRequest): Promise<GenerateResult> {
    if (request.signal?.aborted === true) return this.#nothing(request);
    let thrown: { error: unknown } | null = null;
    const command = this.#addon.modelGenerate(
      this.#handle,
      {
        ids: toIds(request.ids, 'ids'),
        history: toIds(request.history ?? [], 'history'),
        stopIds: toIds(request.stopIds, 'stopIds'),
        sampling: request.sampling,
        maxTokens: request.maxTokens,
        alternatives: request.alternatives ?? 0,
      },
      (batch) => {
        try {
          for (const token of batch) if (thrown === null) request.onToken(token);
        } catch (error) {
          thrown = { error };
          command.cancel();
        }
      },
    );
    const result = await settled(command, request.signal);
    // The assignment in the callback is invisible to the compiler.
    const failed = thrown as { error: unknown } | null;
    if (failed !== null) throw failed.error;
    return result;
  }

  /** The outcome of a request that was aborted before it began. */
  #nothing({ ids }: GenerateRequest): GenerateResult {
    return {
      ids: [],
      stop: 'cancelled',
      promptTokens: ids.length,
      prefillMs: 0,
      decodeMs: 0,
      position: this.position,
    };
  }

  /**
   * Forgets the tokens from `position` on. Exact: what is appended next gives the same bits as if they had never been
   * there. A model whose layers remember in states goes back to the last place before that of which states are kept:
   * `position` tells where. Those are the ends of chunks and where prompts begin and end, of long contexts a few; always
   * the beginning and the end of the last prompt.
   *
   * @throws Error 'invalid-input' when `position` is beyond the current one or a command runs
   */
  truncate(position: number): void {
    this.#addon.modelTruncate(this.#handle, position);
  }

  memory(): ModelMemory {
    return this.#addon.modelMemory(this.#handle);
  }

  /**
   * Where the time went since the model was opened.
   *
   * @returns null unless the model was opened with `profile`
   * @throws Error 'invalid-input' when a command runs
   */
  profile(): Profile | null {
    const phases = this.#addon.modelProfile(this.#handle);
    return phases === null ? null : { prefill: phases[0], decode: phases[1] };
  }

  /** Cancels what runs and frees the model. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#addon.modelClose(this.#handle);
    return this.#closing;
  }
}

/**
 * How many references to JavaScript objects were dropped, in this process, by a thread that is not JavaScript's: each
 * would have corrupted its heap. Tests hold it to 0.
 */
export function foreignReleases(): number {
  return runtimeAddon().foreignReleases();
}

/**
 * The version of ONNX Runtime and what it can run on.
 *
 * @throws Error with code 'runtime-unavailable'
 */
export function runtimeVersion(): { onnxruntime: string; providers: string[] } {
  return runtime().version;
}
