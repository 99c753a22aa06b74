import { setTimeout as sleep } from 'node:timers/promises';
import { engineApi, type EngineApi } from '../../app/contract/engine-api.ts';
import { AppError, toAppError } from '../../app/contract/error.ts';
import type { CallOptions, Client } from '../../app/contract/rpc.ts';

/** An engine process that runs. */
export interface StartedEngine {
  readonly client: Client<EngineApi>;
  readonly pid: number;
  /** Resolves when the process is gone, with why calls fail from now on. */
  readonly gone: Promise<AppError>;
  readonly close: () => Promise<void>;
}

/** An engine that is there again after it has died. */
export interface SupervisedEngine<E extends StartedEngine = StartedEngine> {
  /** Calls wait while a new process starts. Those in flight when it dies reject with 'engine-restarted'. */
  readonly client: Client<EngineApi>;
  /** The engine that runs now, or the next one while it starts. @throws AppError when none can be had */
  readonly running: (signal?: AbortSignal) => Promise<E>;
  /** Process id of the engine that runs now; null while there is none. */
  readonly pid: () => number | null;
  /** Told once a new engine has taken the place of a dead one, or none could. Returns what ends the telling. */
  readonly onRestart: (listener: (reason: string) => void) => () => void;
  /** Ends the engine in an orderly way: running jobs are found again as interrupted. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/**
 * How long to wait before each new start within `WINDOW_MS`. The first is at once, since most deaths are single (the
 * system took back memory, a driver failed); a process that dies on every start must not keep the computer busy.
 */
const BACK_OFF_MS = [0, 500, 2_000, 5_000] as const;
const WINDOW_MS = 60_000;

/** Tells the time and lets it pass; a test holds it. */
export interface SupervisorClock {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const realClock: SupervisorClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

type AnyCall = (params: unknown, options?: CallOptions<unknown>) => Promise<unknown>;

function giveUp(reason: AppError, failedStarts: number): AppError {
  const what =
    failedStarts < BACK_OFF_MS.length
      ? `ended ${BACK_OFF_MS.length + 1} times within a minute`
      : `could not be started ${failedStarts} times`;
  return new AppError(
    'engine-restarted',
    `The engine ${what} and is not started again for now. ${reason.message}`,
    { remedy: 'Wait a minute and try again, or start Nibble anew.' },
  );
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const settled = new AbortController();
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_resolve, reject) => {
        const abort = (): void => reject(new AppError('aborted', 'Cancelled.'));
        if (signal.aborted) abort();
        signal.addEventListener('abort', abort, { signal: settled.signal });
      }),
    ]);
  } finally {
    settled.abort();
  }
}

/**
 * Starts an engine and starts it again whenever it dies: at once, then after growing pauses, and not at all for the rest
 * of a minute in which it died five times, or after as many starts in a row failed, however long each of them took.
 *
 * @param start starts one engine process; its signal fires when Nibble is being closed
 * @throws AppError whatever the first start throws
 */
export async function superviseEngine<E extends StartedEngine>(
  start: (signal: AbortSignal) => Promise<E>,
  clock: SupervisorClock = realClock,
): Promise<SupervisedEngine<E>> {
  const listeners = new Set<(reason: string) => void>();
  const closing = new AbortController();
  let deaths: number[] = [];
  /** When a call may try again after too many deaths; null while there is hope. */
  let retryAt: number | null = null;
  let running: E | null = null;

  const begin = async (): Promise<E> => {
    const engine = await start(closing.signal);
    running = engine;
    void engine.gone.then((reason) => {
      running = null;
      if (closing.signal.aborted) return;
      current = restart(reason);
      // A rejection is for the calls that wait; without any there is nobody to tell.
      current.catch(() => undefined);
    });
    return engine;
  };

  const restart = async (death: AppError): Promise<E> => {
    let reason = death;
    for (let failedStarts = 0; ; failedStarts++) {
      const now = clock.now();
      deaths = [...deaths.filter((time) => now - time < WINDOW_MS), now];
      const pause = BACK_OFF_MS[Math.max(deaths.length - 1, failedStarts)];
      if (pause === undefined) {
        retryAt = now + WINDOW_MS;
        const failure = giveUp(reason, failedStarts);
        for (const listener of listeners) listener(failure.message);
        throw failure;
      }
      await clock.sleep(pause, closing.signal);
      try {
        const engine = await begin();
        for (const listener of listeners) listener(death.message);
        return engine;
      } catch (error) {
        reason = toAppError(error);
      }
    }
  };

  let current: Promise<E> = begin();
  await current;

  const engineNow = (): Promise<E> => {
    if (closing.signal.aborted)
      return Promise.reject(new AppError('aborted', 'Nibble is being closed.'));
    if (retryAt !== null && clock.now() >= retryAt) {
      retryAt = null;
      deaths = [];
      current = begin().catch((error: unknown) => {
        retryAt = clock.now() + WINDOW_MS;
        throw error;
      });
    }
    return current;
  };
  const atHand = (signal?: AbortSignal): Promise<E> => unlessAborted(engineNow(), signal);
  const call =
    (name: keyof EngineApi): AnyCall =>
    async (params, options) => {
      const engine = await atHand(options?.signal);
      return (engine.client[name] as AnyCall)(params, options);
    };
  const names = Object.keys(engineApi) as (keyof EngineApi)[];
  return {
    client: Object.fromEntries(
      names.map((name) => [name, call(name)]),
    ) as unknown as Client<EngineApi>,
    running: atHand,
    pid: () => running?.pid ?? null,
    onRestart: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      closing.abort();
      const engine = await current.catch(() => null);
      await engine?.close();
    },
  };
}
