import { engineApi } from '../../app/contract/engine-api.ts';
import { AppError, because } from '../../app/contract/error.ts';
import { connect } from '../../app/contract/rpc.ts';
import { ENGINE_SILENCE_LIMIT_MS, watchHeartbeats } from './heartbeat.ts';
import { entryBeside, startChild, waitUntilReady, type UnexpectedEnd } from './start-child.ts';
import { superviseEngine, type StartedEngine, type SupervisedEngine } from './supervise-engine.ts';

/** Opening and, where needed, migrating a catalog takes well under a second; a sleeping disk or a busy machine longer. */
export const ENGINE_READY_TIMEOUT_MS = 60_000;

/** A running job ends after the tensor or the piece of a file that it has in hand. */
const CLOSE_TIMEOUT_MS = 15_000;

const ENGINE_FILE = entryBeside(import.meta.url, 'engine-process');

export interface OpenEngineOptions {
  /** Folder for models and catalog; made where it is missing. */
  readonly home: string;
  /** The file to fork. @default the engine */
  readonly entry?: string | undefined;
  /** How long the process may take to say that it is there. @default 60 s */
  readonly readyTimeoutMs?: number | undefined;
}

/** Why calls fail that were in flight when the engine died. */
export function engineDied({ how, lastWords }: Pick<UnexpectedEnd, 'how' | 'lastWords'>): AppError {
  return new AppError(
    'engine-restarted',
    `The engine ${how}${lastWords === '' ? '.' : `: ${lastWords}`}`,
    { remedy: 'Try again. Jobs that were running can be resumed under Jobs.' },
  );
}

/** Why calls fail that were in flight when an engine was ended that had not been heard of for `silenceMs`. */
export function engineHung(silenceMs: number): AppError {
  const seconds = silenceMs / 1000;
  return new AppError(
    'engine-restarted',
    `The engine gave no sign of life for ${seconds} s and was ended.`,
    because(
      'engine-hung',
      { seconds },
      { remedy: 'Try again. Jobs that were running can be resumed under Jobs.' },
    ),
  );
}

/** Why an engine counts as lost that was started and said nothing for `timeoutMs`. */
export function engineSilent(timeoutMs: number): AppError {
  const seconds = timeoutMs / 1000;
  return new AppError(
    'engine-restarted',
    `The engine was started and did not answer within ${seconds} s.`,
    because(
      'engine-silent',
      { seconds },
      { remedy: 'Start Nibble again when the computer is less busy.' },
    ),
  );
}

async function startEngine(
  { home, entry, readyTimeoutMs = ENGINE_READY_TIMEOUT_MS }: OpenEngineOptions,
  signal: AbortSignal,
): Promise<StartedEngine> {
  const started = startChild({
    kind: 'engine',
    entry: entry ?? ENGINE_FILE,
    args: [home],
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    closedMessage: 'The engine was closed.',
    describe: engineDied,
  });
  const { child, port, gone, close, kill } = started;
  const silent = engineSilent(readyTimeoutMs);
  try {
    const client = connect(engineApi, port);
    await waitUntilReady(started, readyTimeoutMs, silent, signal);
    const unwatch = watchHeartbeats(port, ENGINE_SILENCE_LIMIT_MS, () => {
      kill(engineHung(ENGINE_SILENCE_LIMIT_MS));
    });
    void gone.then(unwatch);
    return { client, pid: child.pid ?? 0, gone, close };
  } catch (error) {
    // One that never spoke has nothing to end in an orderly way.
    if (error === silent) kill(silent);
    await close();
    throw error;
  }
}

/**
 * Starts an engine in a process of its own and keeps it there: one that dies, or gives no sign of life, is replaced.
 *
 * @throws AppError 'permission-denied', 'catalog-corrupt', 'disk-full', 'invalid-input', 'engine-restarted' when it dies
 *   while starting
 */
export function openEngine(options: OpenEngineOptions): Promise<SupervisedEngine> {
  return superviseEngine((signal) => startEngine(options, signal));
}
