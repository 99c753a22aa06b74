import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { AppError, because } from '../contract/error.ts';
import { readText } from './read-text.ts';
import type { TextProblem, TextResult, TextRules } from './read-text.ts';

export interface ParseJsonOptions {
  /** Names the text in errors: a file's name, or the address of an answer. */
  readonly name: string;
  /** What of it is JSON, where that is not the whole. @default 'it' */
  readonly subject?: string | undefined;
  /** A longer text is refused unread. The truth about such files, times a few. */
  readonly maxBytes: number;
  /** Objects and arrays within each other. @default 64 */
  readonly maxDepth?: number | undefined;
  /** Strings (keys included), numbers, words, objects and arrays together. @default 4 million */
  readonly maxValues?: number | undefined;
  /** Keys that are made of digits alone. @default 20,000 */
  readonly maxNumericKeys?: number | undefined;
  /** NaN, Infinity and -Infinity are numbers, as for Python's json module. @default false */
  readonly python?: boolean | undefined;
  /**
   * As serde_json reads integers and texts: escapes of half characters are refused, and a number with a sign, a fraction
   * or an exponent reads as null. @default false
   */
  readonly strict?: boolean | undefined;
  /** What becomes of a key that an object has twice. @default 'last', as JSON.parse does */
  readonly duplicateKeys?: 'last' | 'refuse' | undefined;
  /** What a person can do about a bad text. */
  readonly remedy?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Configurations nest five levels deep, tokenizers ten; the reference of safetensors stops at 128. */
const MAX_DEPTH = 64;

/** The index of the largest checkpoint published has 150,000 entries, a vocabulary of 262,144 tokens with its merges 1.3 million values. */
const MAX_VALUES = 4_000_000;

/**
 * V8 hashes the digits of such keys without a secret, so that a stranger can choose keys that all collide; building the
 * object then takes the square of their number. Real lists of added tokens have some thousands.
 */
const MAX_NUMERIC_KEYS = 20_000;

/**
 * Texts up to this size are parsed where they are asked for: 10 to 20 ms at worst. Configurations, listings and the
 * headers of dense models are smaller; starting a thread takes longer than reading those.
 */
const INLINE_BYTES = 1024 * 1024;

/** A sound text of the largest size takes two seconds on a slow machine. */
const DEADLINE_MS = 15_000;

/** A sound text of 64 MB takes half of it. */
const WORKER_MEMORY_MB = 1_024;

const WORKER_FILE = new URL(
  `./json-worker${path.extname(new URL(import.meta.url).pathname)}`,
  import.meta.url,
);

/** One at a time: each may take a gigabyte. */
let lastWorker: Promise<unknown> = Promise.resolve();

function rulesOf(options: ParseJsonOptions): TextRules {
  return {
    maxDepth: options.maxDepth ?? MAX_DEPTH,
    maxValues: options.maxValues ?? MAX_VALUES,
    maxNumericKeys: options.maxNumericKeys ?? MAX_NUMERIC_KEYS,
    python: options.python ?? false,
    strict: options.strict ?? false,
    duplicateKeys: options.duplicateKeys ?? 'last',
  };
}

function tooLarge(
  { name, subject = 'it', maxBytes, remedy }: ParseJsonOptions,
  bytes: number,
): AppError {
  return new AppError(
    'malformed-file',
    `${name}: ${subject} has ${bytes} bytes; ${maxBytes} is the most that is read.`,
    because('json-too-large', { file: name, bytes, limit: maxBytes }, withRemedy(remedy)),
  );
}

function tooComplex({ name, subject = 'it', remedy }: ParseJsonOptions, what: string): AppError {
  return new AppError(
    'malformed-file',
    `${name}: ${subject} ${what}.`,
    because('json-too-complex', { file: name }, withRemedy(remedy)),
  );
}

function withRemedy(remedy: string | undefined): { remedy?: string } {
  return remedy === undefined ? {} : { remedy };
}

/** The error for a file that is the small text which Git LFS leaves in the place of a large one. */
export function lfsPointer(name: string): AppError {
  return new AppError(
    'malformed-file',
    `${name} is a pointer of Git LFS, which stands for a file that was not downloaded.`,
    because(
      'lfs-pointer',
      { file: name },
      { remedy: 'Get the files themselves with: git lfs pull' },
    ),
  );
}

function errorOf(problem: TextProblem, asked: ParseJsonOptions): AppError {
  const { name, subject = 'it', remedy } = asked;
  switch (problem.kind) {
    case 'limit':
      return tooComplex(
        asked,
        {
          depth: 'is nested too deeply',
          values: 'has too many values',
          'numeric-keys': 'has too many keys of digits',
        }[problem.limit],
      );
    case 'not-utf8':
    case 'not-json':
    case 'half-character':
      return new AppError(
        'malformed-file',
        `${name}: ${subject} is not JSON.`,
        because('not-json', { file: name }, withRemedy(remedy)),
      );
    case 'lfs-pointer':
      return lfsPointer(name);
    case 'duplicate-key':
      return new AppError(
        'malformed-file',
        `${name}: ${subject} has ${JSON.stringify(problem.key.slice(0, 80))} twice.`,
        because(
          'json-duplicate-key',
          { file: name, key: problem.key.slice(0, 80) },
          withRemedy(remedy),
        ),
      );
  }
}

function valueOf(result: TextResult, asked: ParseJsonOptions): unknown {
  if (result.problem !== null) throw errorOf(result.problem, asked);
  return result.value;
}

function bytesOf(source: Uint8Array | string, asked: ParseJsonOptions): Uint8Array {
  // A text has at least as many bytes as characters, so an absurd one is not even encoded.
  if (source.length > asked.maxBytes) throw tooLarge(asked, source.length);
  const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source;
  if (bytes.byteLength > asked.maxBytes) throw tooLarge(asked, bytes.byteLength);
  return bytes;
}

/** Node's permission model may forbid threads; a process that runs under it is one that a host ends when it is silent. */
function mayStartThreads(): boolean {
  // Undefined where the model is not in force.
  const permission = process.permission as { has(scope: string): boolean } | undefined;
  return permission?.has('worker') ?? true;
}

/**
 * Parses a text of a stranger on the caller's thread, whatever its size: within the limits that takes 20 ms per megabyte.
 * For small texts, and for processes that do nothing else meanwhile and that a host ends when they are silent.
 *
 * @throws AppError `malformed-file`: not JSON, or beyond the limits
 */
export function parseJsonHere(source: Uint8Array | string, asked: ParseJsonOptions): unknown {
  return valueOf(readText(bytesOf(source, asked), rulesOf(asked)), asked);
}

/**
 * Parses a text of a stranger: a configuration, an index, an answer of a hub. Everything that others wrote and that may be
 * large goes through here.
 *
 * Refused by size before it is looked at, then scanned for depth and number of values before anything is built. A small
 * text is parsed at once; a larger one on a thread with a memory limit and a deadline, so that no text keeps the engine
 * from answering.
 *
 * ```ts
 * const listing = await parseJson(bytes, { name: 'the list of files', maxBytes: 16 * 1024 * 1024, signal });
 * const checked = listingSchema.parse(listing); // what it must be is the caller's to check
 * ```
 *
 * @throws AppError `malformed-file`: not JSON, or beyond the limits (reasons `not-json`, `json-too-large`,
 * `json-too-complex`, `json-duplicate-key`); `aborted`
 */
export async function parseJson(
  source: Uint8Array | string,
  asked: ParseJsonOptions,
): Promise<unknown> {
  const bytes = bytesOf(source, asked);
  if (bytes.byteLength <= INLINE_BYTES || !mayStartThreads()) return parseJsonHere(bytes, asked);
  const before = lastWorker;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  lastWorker = promise;
  try {
    await before;
    return valueOf(await readOnThread(bytes, asked), asked);
  } finally {
    resolve(undefined);
  }
}

function readOnThread(bytes: Uint8Array, asked: ParseJsonOptions): Promise<TextResult> {
  const { signal } = asked;
  const cancelled = (): AppError => new AppError('aborted', 'Cancelled.');
  if (signal?.aborted === true) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    // Not `slice`, which of a Buffer is a view: the thread would take the caller's own bytes away.
    const copy = new Uint8Array(bytes);
    const worker = new Worker(WORKER_FILE, {
      workerData: { bytes: copy, rules: rulesOf(asked) },
      transferList: [copy.buffer],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_MEMORY_MB },
      // It needs nothing of this process.
      env: {},
      execArgv: [],
    });
    const finish = (settle: () => void): void => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', onAbort);
      // Not waited for: in the middle of JSON.parse a thread hears nothing.
      void worker.terminate();
      settle();
    };
    const fail = (error: AppError): void => {
      finish(() => {
        reject(error);
      });
    };
    const onAbort = (): void => {
      fail(cancelled());
    };
    const deadline = setTimeout(() => {
      fail(tooComplex(asked, 'takes too long to read'));
    }, DEADLINE_MS);
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.once('message', (result: TextResult) => {
      finish(() => {
        resolve(result);
      });
    });
    worker.once('error', (error: Error & { readonly code?: string }) => {
      fail(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? tooComplex(asked, 'takes too much memory to read')
          : new AppError('internal', `${asked.name} could not be read.`, { cause: error }),
      );
    });
    worker.once('exit', () => {
      fail(new AppError('internal', `${asked.name} could not be read.`));
    });
  });
}
