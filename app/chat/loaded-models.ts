import { storedWeightsBytes, type Artifact } from '../contract/checkpoint.ts';
import type { DeviceTrial, RequestedDevice } from '../contract/device.ts';
import { AppError, describeError, toAppError } from '../contract/error.ts';
import type { OpenedRunner, OpenRunner } from '../contract/open-runner.ts';
import type { HeldModel, RunnerMemory } from '../contract/runner-api.ts';
import type { CacheType } from '../contract/sampling.ts';
import type { Settings } from '../contract/settings.ts';
import { otherWeights, type WeightsCheck } from '../contract/weights-check.ts';
import { residentMemory } from './resident-memory.ts';

/** The context of a chat where nobody chose one: long for a talk, and its KV cache still fits beside most models. */
const DEFAULT_CONTEXT_LENGTH = 8192;

/** A loading bar that moves five times a second looks alive and costs nothing. */
const MEMORY_INTERVAL_MS = 200;

export interface HeldModelsOptions {
  readonly openRunner: OpenRunner;
  /** As they are now: they count for the next model that is loaded. */
  readonly settings: () => Pick<
    Settings,
    'heldModels' | 'contextLength' | 'cacheType' | 'threads' | 'device'
  >;
  /** @throws AppError 'not-found', 'invalid-input' */
  readonly artifactOf: (id: string) => Artifact;
}

/** What a runner is opened with beside the folder. */
interface RunnerSettings {
  readonly maxContextLength: number;
  /** Undefined: the device's own. */
  readonly cacheType: CacheType | undefined;
  readonly threads: number | undefined;
  readonly device: RequestedDevice;
}

/** One model from the wish to have it until it is let go. */
interface Held {
  readonly artifact: Artifact;
  readonly settings: RunnerSettings;
  readonly cancel: AbortController;
  opening: Promise<OpenedRunner>;
  runner: OpenedRunner | null;
  /** As it stands now; of no meaning without a runner. */
  weightsCheck: WeightsCheck;
  memory: RunnerMemory | null;
  trial: DeviceTrial | null;
  error: AppError | null;
  /** Answers that are under way or wait for it to load. */
  users: number;
  /** Counts up with every use of any model. */
  usedAt: number;
}

/** Waits for `promise`, but no longer than until `signal` fires. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new AppError('aborted', 'Cancelled.'));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}

/**
 * The models that are kept loaded, each in a runner of its own, so that going back to one costs nothing.
 *
 * There are never more processes than the settings allow: a new one waits until the one used longest ago, of those that
 * are not answering, is closed.
 */
export class HeldModels {
  readonly #options: HeldModelsOptions;
  readonly #held = new Map<string, Held>();
  /** Those that have, or are getting, a process; also while it is being closed. */
  readonly #processes = new Set<Held>();
  readonly #listeners = new Set<() => void>();
  /** Artifacts whose process died while they computed on a GPU: its driver may have been why. */
  readonly #diedOnGpu = new Set<string>();
  #uses = 0;
  #closed = false;

  constructor(options: HeldModelsOptions) {
    this.#options = options;
  }

  /** All models that are held, those that crashed among them, in the order they were asked for. */
  list(): HeldModel[] {
    return [...this.#held.values()].map((held) => this.#describe(held));
  }

  #describe(held: Held): HeldModel {
    const { artifact, runner, error, users, memory, trial } = held;
    const working = users > 0 ? 'answering' : 'ready';
    return {
      artifactId: artifact.id,
      state: error !== null ? 'crashed' : runner === null ? 'loading' : working,
      memory,
      expectedBytes: storedWeightsBytes(artifact),
      trial: runner === null && error === null ? trial : null,
      loaded: runner === null ? null : { ...runner.loaded, weightsCheck: held.weightsCheck },
      error: error && describeError(error),
    };
  }

  /** Calls `listener` with the list now and whenever it changes, until `signal` fires. */
  watch(listener: (models: HeldModel[]) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        listener(this.list());
      };
      const end = (): void => {
        this.#listeners.delete(tell);
        resolve();
      };
      if (signal.aborted) {
        end();
        return;
      }
      this.#listeners.add(tell);
      signal.addEventListener('abort', end, { once: true });
      tell();
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Resolves at the next change. */
  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const once = (): void => {
        this.#listeners.delete(once);
        resolve();
      };
      this.#listeners.add(once);
    });
  }

  /**
   * Loads a model, or finds it loaded. Aborting ends the loading, unless an answer waits for it.
   *
   * @throws AppError what opening a runner throws, 'checksum-mismatch', 'aborted'
   */
  async load(artifactId: string, signal: AbortSignal): Promise<HeldModel> {
    const held = this.#enter(artifactId);
    try {
      await unlessAborted(held.opening, signal);
    } catch (error) {
      if (signal.aborted && held.users === 0 && held.runner === null) await this.#end(held);
      throw error;
    }
    return this.#describe(held);
  }

  /** Ends a model's process, also in the middle of an answer or of loading. One that is not held is no error. */
  async unload(artifactId: string): Promise<void> {
    const held = this.#held.get(artifactId);
    if (held !== undefined) await this.#end(held);
  }

  /** The runner of a model that is loaded now; never loads. It may be closed at any time. */
  loaded(artifactId: string): OpenedRunner | null {
    return this.#held.get(artifactId)?.runner ?? null;
  }

  /**
   * Has `task` done by a model's runner, loading it where needed; until then the model counts as answering and stays.
   * Aborting also ends the trying of devices before the loading, unless another answer waits for it.
   *
   * @throws AppError as `load`, and whatever the task throws
   */
  async use<T>(
    artifactId: string,
    signal: AbortSignal,
    task: (runner: OpenedRunner) => Promise<T>,
  ): Promise<T> {
    const held = this.#enter(artifactId);
    held.users++;
    this.#changed();
    try {
      return await task(await unlessAborted(held.opening, signal));
    } catch (error) {
      // Its end is noticed in any case; here it is noticed before anyone can ask for the model again.
      if (error instanceof AppError && error.code === 'runner-crashed') this.#crashed(held, error);
      if (error instanceof AppError && error.code === 'checksum-mismatch')
        await this.#refuse(held, error);
      // A device that failed once will fail again, and weights that are gone stay gone for this process: the next
      // question loads the model anew, elsewhere if need be.
      if (
        error instanceof AppError &&
        (error.code === 'kernel-failed' || error.reason === 'weights-unreadable')
      )
        await this.#end(held);
      // Loading goes on for the next question; trying devices is work that nobody waits for any more.
      const isTrying = held.runner === null && held.trial !== null;
      if (signal.aborted && isTrying && held.users === 1) await this.#end(held);
      throw error;
    } finally {
      held.users--;
      held.usedAt = ++this.#uses;
      this.#changed();
      void this.#measure(held);
    }
  }

  /** Ends all processes; nothing can be loaded any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes, ...this.#held.values()].map((held) => this.#end(held)));
  }

  /** The entry of a model, loaded or loading; a new one where it crashed or the settings have changed since. */
  #enter(artifactId: string): Held {
    if (this.#closed) throw new AppError('aborted', 'Nibble is closing.');
    const artifact = this.#options.artifactOf(artifactId);
    const { contextLength, cacheType, threads, device: wish } = this.#options.settings();
    const device = wish === 'auto' && this.#diedOnGpu.has(artifactId) ? 'cpu' : wish;
    const settings: RunnerSettings = {
      maxContextLength: contextLength ?? DEFAULT_CONTEXT_LENGTH,
      // A person who chose a GPU by name gets it: the smaller cache is for where there is one.
      cacheType:
        cacheType === 'f16' || device === 'webgpu' || device === 'cuda' ? undefined : cacheType,
      threads: threads ?? undefined,
      device,
    };
    const known = this.#held.get(artifactId);
    if (known !== undefined && known.error === null) {
      const same =
        known.settings.maxContextLength === settings.maxContextLength &&
        known.settings.cacheType === settings.cacheType &&
        known.settings.threads === settings.threads &&
        known.settings.device === settings.device &&
        known.artifact.weightsSha256 === artifact.weightsSha256;
      // What is at work is not disturbed: the new settings count when it rests.
      if (same || known.users > 0 || known.runner === null) return known;
    }
    const held: Held = {
      artifact,
      settings,
      cancel: new AbortController(),
      opening: Promise.reject(new AppError('internal', 'Not opened yet.')),
      runner: null,
      weightsCheck: 'checking',
      memory: null,
      trial: null,
      error: null,
      users: 0,
      usedAt: ++this.#uses,
    };
    // Nobody may be waiting: the entry itself says how it went.
    held.opening.catch(() => undefined);
    this.#held.set(artifactId, held);
    held.opening = this.#open(held, known ?? null);
    held.opening.catch(() => undefined);
    this.#changed();
    return held;
  }

  async #open(held: Held, before: Held | null): Promise<OpenedRunner> {
    const { artifact, settings, cancel } = held;
    let timer: NodeJS.Timeout | undefined;
    try {
      if (before !== null) await this.#end(before);
      await this.#makeRoom(held);
      const runner = await this.#options.openRunner({
        directory: artifact.directory,
        recordsDirectory: artifact.recordsDirectory,
        ...settings,
        signal: cancel.signal,
        onTrial: (trial) => {
          held.trial = trial;
          this.#changed();
        },
        onStart: (pid) => {
          timer = setInterval(() => {
            void residentMemory(pid).then((memory) => {
              if (memory === null || held.runner !== null || held.error !== null) return;
              held.memory = memory;
              this.#changed();
            });
          }, MEMORY_INTERVAL_MS);
        },
      });
      const { weightsSha256 } = runner.loaded;
      if (weightsSha256 !== artifact.weightsSha256 || cancel.signal.aborted) {
        await runner.close();
        if (cancel.signal.aborted) throw new AppError('aborted', 'The model was unloaded.');
        throw otherWeights(artifact, weightsSha256);
      }
      held.runner = runner;
      held.weightsCheck = runner.loaded.weightsCheck;
      void this.#followCheck(held, runner);
      void runner.exited.then((reason) => {
        this.#crashed(held, reason);
      });
      void this.#measure(held);
      this.#changed();
      return runner;
    } catch (error) {
      const known = toAppError(error);
      this.#processes.delete(held);
      if (known.code !== 'aborted') held.error = known;
      else if (this.#held.get(artifact.id) === held) this.#held.delete(artifact.id);
      held.memory = null;
      this.#changed();
      throw known;
    } finally {
      clearInterval(timer);
    }
  }

  /** Waits until there may be one process more, closing those that rest, the one used longest ago first. */
  async #makeRoom(held: Held): Promise<void> {
    for (;;) {
      if (held.cancel.signal.aborted) throw new AppError('aborted', 'The model was unloaded.');
      if (this.#processes.size < this.#options.settings().heldModels) {
        this.#processes.add(held);
        return;
      }
      const [oldest] = [...this.#held.values()]
        .filter((other) => other.runner !== null && other.users === 0)
        .sort((a, b) => a.usedAt - b.usedAt);
      if (oldest === undefined) await this.#nextChange();
      else await this.#end(oldest);
    }
  }

  /** Takes a model off the list and ends its process. */
  async #end(held: Held): Promise<void> {
    const { runner } = held;
    if (this.#held.get(held.artifact.id) === held) this.#held.delete(held.artifact.id);
    held.runner = null;
    held.cancel.abort();
    this.#changed();
    if (runner === null) await held.opening.catch(() => undefined);
    else await runner.close();
    this.#processes.delete(held);
    this.#changed();
  }

  /** Hears how the check of a model's weights ends. */
  async #followCheck(held: Held, runner: OpenedRunner): Promise<void> {
    try {
      const { weightsCheck } = await runner.client.checkWeights({});
      if (held.runner !== runner || held.weightsCheck === weightsCheck) return;
      held.weightsCheck = weightsCheck;
      this.#changed();
    } catch (error) {
      const known = toAppError(error);
      // Any other end is the process's, which is noticed in any case.
      if (known.code === 'checksum-mismatch') await this.#refuse(held, known);
    }
  }

  /** Ends the process of a model whose weights are not what they are to be; asking for it again reads them anew. */
  async #refuse(held: Held, reason: AppError): Promise<void> {
    const { runner } = held;
    if (runner === null) return;
    held.runner = null;
    held.memory = null;
    held.error = reason;
    this.#changed();
    await runner.close();
    this.#processes.delete(held);
    this.#changed();
  }

  #crashed(held: Held, reason: AppError): void {
    // Closed on purpose, or known already.
    if (held.runner === null || reason.code === 'aborted') return;
    if (held.runner.loaded.device !== 'cpu') this.#diedOnGpu.add(held.artifact.id);
    held.runner = null;
    held.memory = null;
    held.error = reason;
    this.#processes.delete(held);
    this.#changed();
  }

  async #measure(held: Held): Promise<void> {
    const memory = await held.runner?.client.memory({}).catch(() => null);
    if (memory === undefined || memory === null || held.runner === null) return;
    held.memory = memory;
    this.#changed();
  }
}
