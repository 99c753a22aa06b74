import path from 'node:path';
import { RUNTIME_WEIGHTS_FILES, type WeightsFile } from '../checkpoint/index.ts';
import type { HashKind } from '../contract/checkpoint.ts';
import { AppError, because, toAppError } from '../contract/error.ts';
import type { SpokenWeights, WeightsCheck } from '../contract/weights-check.ts';
import { hashFile, hashTensorsFile, weightsFingerprint } from '../digest/index.ts';
import { fileState, isSameFile, isSameState, type FileState } from '../disk/index.ts';
import {
  keepMeasured,
  measuredHash,
  readMeasured,
  SETTLED_NS,
  type Listing,
  type MeasuredFile,
} from './weights-record.ts';

/** Beside a model that computes, hashing gets one core. */
const HASH_THREADS = 1;

/** A file that changes under every attempt to read it is being written to all the time. */
const MAX_ATTEMPTS = 3;

/** After so many calls that made it wait, the check goes on beside the next one, from its first token on. */
const PATIENCE = 8;

/** A file of weights that takes part in answers. */
interface Spoken {
  readonly name: string;
  readonly hashKind: HashKind;
  /** As recorded when the artifact was made; null where nobody recorded it. */
  readonly expected: string | null;
  state: FileState;
  /** The hash of the bytes in `state`; null until they were read. */
  measured: string | null;
  /** Tree hashes of the tensors that were read so far. */
  readonly tensors: Map<string, string>;
}

function changed(directory: string, { name }: Pick<Spoken, 'name'>, what: string): AppError {
  return new AppError(
    'checksum-mismatch',
    `${name} in ${directory} ${what}.`,
    because(
      'weights-changed',
      { file: name, folder: directory },
      { remedy: 'Restore the file, or make the artifact again from its checkpoint.' },
    ),
  );
}

function reloaded(directory: string, { name }: Pick<Spoken, 'name'>): AppError {
  return new AppError(
    'checksum-mismatch',
    `${name} in ${directory} was replaced while the model was loaded.`,
    because(
      'weights-replaced',
      { file: name, folder: directory },
      { remedy: 'Load the model again.' },
    ),
  );
}

/** Hashes a file, going on from the tensors that were read before. @throws AppError 'aborted' */
async function hashSpoken(
  file: string,
  { hashKind, tensors }: Spoken,
  signal: AbortSignal,
): Promise<string> {
  if (hashKind === 'sha256') return hashFile(file, 'sha256', { signal });
  return hashTensorsFile(file, {
    signal,
    threads: HASH_THREADS,
    known: tensors,
    onTensor: (name, hash) => tensors.set(name, hash),
  });
}

export interface GuardOptions {
  readonly directory: string;
  /** Where hashes are kept that were recorded or measured. @default beside the weights */
  readonly recordsDirectory?: string | undefined;
  readonly listing: Listing;
  /** The files of the model, as they were before anything of them was read. */
  readonly files: readonly WeightsFile[];
  /** The quantized copy of the output layer before it was read; null where there is none or it takes no part. */
  readonly copy: Pick<WeightsFile, 'name' | 'state'> | null;
}

/**
 * Watches over the files of weights that a loaded model is mapped from: whether they are what was recorded, and whether
 * anybody writes to them.
 *
 * Their states are compared at load and around every answer. Bytes are hashed when a state is new: in the background
 * while the model rests; but before an answer is given out where somebody wrote to a file that was known. What was
 * measured is kept beside the weights, so that the next load needs no reading.
 */
export class WeightsGuard {
  readonly #directory: string;
  readonly #recordsDirectory: string;
  readonly #files: readonly Spoken[];
  /** A copy that takes no part, by its recorded hash: the fingerprint names the artifact. */
  readonly #silent: readonly { readonly name: string; readonly sha256: string }[];
  /** Files that were written to since they were last known: no answer leaves before they are read. */
  #isSuspect: boolean;
  #failure: AppError | null = null;
  #work: Promise<void> | null = null;
  #pause = new AbortController();
  #isBusy = false;
  #waited = 0;
  readonly #waiting = new Set<() => void>();

  private constructor(
    directory: string,
    recordsDirectory: string,
    files: readonly Spoken[],
    silent: readonly { readonly name: string; readonly sha256: string }[],
    isSuspect: boolean,
  ) {
    this.#directory = directory;
    this.#recordsDirectory = recordsDirectory;
    this.#files = files;
    this.#silent = silent;
    this.#isSuspect = isSuspect;
  }

  /**
   * Compares the files with what was recorded. A folder that Nibble did not make is hashed here where it is new.
   *
   * @throws AppError `checksum-mismatch` where they are known to be something else
   */
  static async open({
    directory,
    recordsDirectory = directory,
    listing,
    files,
    copy,
  }: GuardOptions): Promise<WeightsGuard> {
    const measured = await readMeasured(recordsDirectory);
    const { files: listed, state: manifest } = listing;
    const states = files.map(({ name, state }) => ({ name, state }));
    if (copy !== null) states.push(copy);
    let isSuspect = false;
    const spoken = states.map(({ name, state }): Spoken => {
      const entry = listed?.get(name);
      if (entry !== undefined && entry.sizeBytes !== state.sizeBytes)
        throw changed(directory, { name }, 'has another size than when it was made');
      const hashKind = entry?.hashKind ?? 'sha256-tensors-1';
      const known = measuredHash(measured, name, hashKind, state);
      const wasKnown = measured.some((file) => file.name === name);
      // The manifest is written last: what was written to later was written to by someone else.
      const isNewer = manifest !== null && BigInt(state.modifiedNs) > BigInt(manifest.modifiedNs);
      if (known === null && (wasKnown || isNewer)) isSuspect = true;
      return {
        name,
        hashKind,
        expected: entry?.sha256 ?? null,
        state,
        measured: known,
        tensors: new Map(),
      };
    });
    const silentCopy =
      copy === null
        ? RUNTIME_WEIGHTS_FILES.flatMap((name) => listed?.get(name) ?? []).at(0)
        : undefined;
    const isAbsent =
      silentCopy !== undefined && (await fileState(path.join(directory, silentCopy.name))) === null;
    const silent = silentCopy === undefined || isAbsent ? [] : [silentCopy];
    const guard = new WeightsGuard(directory, recordsDirectory, spoken, silent, isSuspect);
    guard.#compare();
    // Nobody recorded what it should be: the fingerprint is what is measured.
    if (spoken.some(({ expected }) => expected === null)) await guard.#check();
    guard.requireSound();
    return guard;
  }

  get fingerprint(): string {
    return weightsFingerprint([
      ...this.#files.map(({ name, measured, expected }) => ({
        name,
        sha256: measured ?? expected ?? '',
      })),
      ...this.#silent,
    ]);
  }

  get state(): WeightsCheck {
    if (this.#failure !== null) return 'unverified';
    return this.#files.every(({ measured }) => measured !== null) ? 'verified' : 'checking';
  }

  /** @throws AppError `checksum-mismatch` once the files are known to hold something else */
  requireSound(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Before the model is used: the check stops, for the first token is not to wait for it. @throws as `requireSound` */
  async beforeAnswer(): Promise<void> {
    this.#isBusy = true;
    if (this.#work !== null) this.#waited++;
    this.#pause.abort();
    await this.#look();
    this.requireSound();
  }

  /** At the first token of an answer. */
  firstToken(): void {
    if (this.#waited < PATIENCE) return;
    this.#isBusy = false;
    this.#start();
  }

  /**
   * At the end of an answer.
   *
   * @returns which weights spoke
   * @throws AppError `checksum-mismatch` where it was not those that it was to be
   */
  async afterAnswer(): Promise<SpokenWeights> {
    this.#isBusy = false;
    const wasWrittenTo = await this.#look();
    this.requireSound();
    if (this.#isSuspect) await this.#check();
    return {
      weightsSha256: this.fingerprint,
      weightsCheck: wasWrittenTo ? 'unverified' : this.state,
    };
  }

  /** The model rests: the check begins or goes on. */
  rest(): void {
    this.#isBusy = false;
    this.begin();
  }

  /** Begins the check unless the model is at work. */
  begin(): void {
    this.#start();
  }

  /** Resolves once all bytes are known to be what was recorded; never begins it. @throws AppError `checksum-mismatch` */
  async settled(): Promise<void> {
    while (this.state === 'checking')
      await (this.#work ?? new Promise<void>((resolve) => this.#waiting.add(resolve)));
    this.requireSound();
  }

  async #check(): Promise<void> {
    this.#start();
    await this.settled();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #start(): void {
    if (this.#isBusy || this.#work !== null || this.#failure !== null) return;
    if (this.state === 'verified') return;
    this.#pause = new AbortController();
    this.#work = this.#hashAll(this.#pause.signal).finally(() => {
      this.#work = null;
    });
    this.#wake();
  }

  /** Reads what is not known yet. Being paused is no failure: what was read by then stays known. */
  async #hashAll(signal: AbortSignal): Promise<void> {
    try {
      for (const spoken of this.#files) await this.#measure(spoken, signal);
      this.#isSuspect = false;
      this.#waited = 0;
      this.#compare();
      await this.#keep();
    } catch (error) {
      const known = toAppError(error);
      if (known.code === 'aborted') return;
      this.#failure = known;
    }
  }

  async #measure(spoken: Spoken, signal: AbortSignal): Promise<void> {
    const file = path.join(this.#directory, spoken.name);
    for (let attempt = 0; spoken.measured === null; attempt++) {
      if (attempt === MAX_ATTEMPTS)
        throw changed(this.#directory, spoken, 'is being written to all the time');
      const before = await this.#stateOf(spoken);
      if (!isSameState(before, spoken.state)) spoken.tensors.clear();
      spoken.state = before;
      const hash = await hashSpoken(file, spoken, signal).catch((error: unknown) => {
        const { code, message } = toAppError(error);
        // A header that is none any more.
        if (code !== 'malformed-file') throw error;
        throw changed(this.#directory, spoken, `is damaged (${message})`);
      });
      if (isSameState(await this.#stateOf(spoken), before)) spoken.measured = hash;
    }
  }

  /** @throws AppError `checksum-mismatch` where it is no longer the file that is mapped */
  async #stateOf(spoken: Spoken): Promise<FileState> {
    const now = await fileState(path.join(this.#directory, spoken.name));
    if (now === null || !isSameFile(now, spoken.state)) throw reloaded(this.#directory, spoken);
    return now;
  }

  /** Looks whether anybody wrote to the files since. @returns whether the bytes may have changed */
  async #look(): Promise<boolean> {
    let wasWrittenTo = false;
    for (const spoken of this.#files) {
      try {
        const now = await this.#stateOf(spoken);
        if (isSameState(now, spoken.state)) continue;
        wasWrittenTo ||=
          now.modifiedNs !== spoken.state.modifiedNs || now.sizeBytes !== spoken.state.sizeBytes;
        spoken.state = now;
        spoken.measured = null;
        spoken.tensors.clear();
        this.#isSuspect = true;
      } catch (error) {
        this.#failure ??= toAppError(error);
        this.#wake();
      }
    }
    return wasWrittenTo;
  }

  #compare(): void {
    for (const spoken of this.#files)
      if (
        spoken.measured !== null &&
        spoken.expected !== null &&
        spoken.measured !== spoken.expected
      )
        this.#failure ??= changed(
          this.#directory,
          spoken,
          'holds other weights than when it was made',
        );
  }

  async #keep(): Promise<void> {
    const now = BigInt(Date.now()) * 1_000_000n;
    const settled = this.#files.flatMap(({ name, hashKind, state, measured }): MeasuredFile[] =>
      measured !== null && now - BigInt(state.changedNs) > SETTLED_NS
        ? [{ name, hashKind, state, sha256: measured }]
        : [],
    );
    if (settled.length > 0) await keepMeasured(this.#recordsDirectory, settled);
  }
}
