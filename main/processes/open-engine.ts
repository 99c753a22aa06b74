import { engineApi } from '../../app/contract/engine-api.ts';
import { AppError } from '../../app/contract/error.ts';
import { connect } from '../../app/contract/rpc.ts';
import { entryBeside, startChild, waitUntilReady, type UnexpectedEnd } from './start-child.ts';
import { superviseEngine, type StartedEngine, type SupervisedEngine } from './supervise-engine.ts';

/** Opening and, where needed, migrating a catalog takes well under a second; a sleeping disk or a busy machine longer. */
const READY_TIMEOUT_MS = 60_000;

/** A running job ends after the tensor or the piece of a file that it has in hand. */
const CLOSE_TIMEOUT_MS = 15_000;

const ENGINE_FILE = entryBeside(import.meta.url, 'engine-process');

export interface OpenEngineOptions {
  /** Folder for models and catalog; made where it is missing. */
  readonly home: string;
  /** The file to fork. @default the engine */
  readonly entry?: string | undefined;
}

/** Why calls fail that were in flight when the engine died. */
export function engineDied({ how, lastWords }: Pick<UnexpectedEnd, 'how' | 'lastWords'>): AppError {
  return new AppError(
    'engine-restarted',
    `The engine ${how}${lastWords === '' ? '.' : `: ${lastWords}`}`,
    { remedy: 'Try again. Jobs that were running can be resumed under Jobs.' },
  );
}

async function startEngine({ home, entry }: OpenEngineOptions): Promise<StartedEngine> {
  const started = startChild({
    kind: 'engine',
    entry: entry ?? ENGINE_FILE,
    args: [home],
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    closedMessage: 'The engine was closed.',
    describe: engineDied,
  });
  const { child, port, gone, close } = started;
  try {
    const client = connect(engineApi, port);
    const silent = new AppError(
      'internal',
      `The engine did not answer within ${READY_TIMEOUT_MS / 1000} s.`,
      { remedy: 'Try again when the computer is less busy.' },
    );
    await waitUntilReady(started, READY_TIMEOUT_MS, silent);
    return { client, pid: child.pid ?? 0, gone, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Starts an engine in a process of its own and keeps it there.
 *
 * @throws AppError 'permission-denied', 'catalog-corrupt', 'disk-full', 'invalid-input', 'engine-restarted' when it dies
 *   while starting
 */
export function openEngine(options: OpenEngineOptions): Promise<SupervisedEngine> {
  return superviseEngine(() => startEngine(options));
}
