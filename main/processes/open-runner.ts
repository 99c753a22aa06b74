import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../app/contract/error.ts';
import { connect, type Client } from '../../app/contract/rpc.ts';
import { runnerApi, type LoadedModel, type RunnerApi } from '../../app/contract/runner-api.ts';
import { portToChild, READY } from './child-port.ts';
import { OutputTail } from './output-tail.ts';

/** Starting Node and reading the sources takes a quarter of a second; a machine under load may need many times that. */
const READY_TIMEOUT_MS = 30_000;

/** A runner with nothing in flight ends at once when its channel closes; one inside a long product is killed. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Enough of a dying process's output to recognize what happened. */
const SHOWN_LINES = 6;

const RUNNER_FILE = fileURLToPath(new URL('./runner-process.ts', import.meta.url));

/** Inside the installation, because what lies there is run: a shared temporary folder would be open to others. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/** How to open a runner; all but `entry` and `signal` as in the runner's `load`. */
export interface OpenRunnerOptions {
  readonly directory: string;
  readonly contextLength?: number | undefined;
  readonly mode?: 'fast' | 'exact' | undefined;
  readonly cacheType?: 'f32' | 'f16' | undefined;
  readonly threads?: number | undefined;
  /** Ends the opening; an open runner is ended with `close`. */
  readonly signal?: AbortSignal | undefined;
  /** The file to fork. @default the runner */
  readonly entry?: string | undefined;
  /** How long the process may take to say that it is there. @default 30 s */
  readonly readyTimeoutMs?: number | undefined;
}

export interface RunnerProcess {
  readonly client: Client<RunnerApi>;
  readonly loaded: LoadedModel;
  readonly pid: number;
  /** Resolves when the process is gone, however it ended. */
  readonly exited: Promise<void>;
  /** Ends the process and waits until its memory is free; safe to call twice. */
  readonly close: () => Promise<void>;
}

interface StartedChild {
  readonly child: ChildProcess;
  /** Resolves once the process is gone and all it said was read, with why calls fail from now on. */
  readonly gone: Promise<AppError>;
  readonly close: () => Promise<void>;
}

/**
 * Resolves when a process has ended and its channel and output are drained. ('close' would say so, but never comes when
 * it was the parent that disconnected.)
 */
async function ended(child: ChildProcess): Promise<void> {
  const first = (event: 'exit' | 'disconnect'): Promise<void> =>
    new Promise((resolve) => {
      child.once(event, () => {
        resolve();
      });
      // A process that could not be started never gets as far.
      child.once('error', () => {
        if (child.pid === undefined) resolve();
      });
    });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  await Promise.all([
    first('exit'),
    first('disconnect'),
    ...streams.map((stream) => new Promise((resolve) => stream.once('close', resolve))),
  ]);
}

function startChild(entry: string): StartedChild {
  const child = fork(entry, [], {
    // Typed arrays cross as bytes; JSON would make objects of them.
    serialization: 'advanced',
    // The parent's own flags (a debugger's port, a test runner's hooks) are not the child's.
    execArgv: [],
    // Node keeps there what it compiled: a runner is up in half the time. Where it cannot be written, Node goes without.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = new OutputTail();
  output.follow(child.stdout);
  output.follow(child.stderr);
  let closing = false;
  let startError: Error | null = null;
  child.on('error', (error) => {
    startError = error;
  });
  const gone = ended(child).then(() =>
    closing
      ? new AppError('aborted', 'The runner was closed.')
      : crash(child, startError, output.lastLines(SHOWN_LINES)),
  );
  return {
    child,
    gone,
    close: async () => {
      closing = true;
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

function crash(child: ChildProcess, startError: Error | null, lastWords: string): AppError {
  const how =
    startError !== null && child.pid === undefined
      ? `could not be started: ${startError.message}`
      : child.signalCode !== null
        ? `was ended by ${child.signalCode}`
        : `ended with exit code ${child.exitCode ?? 'unknown'}`;
  return new AppError(
    'runner-crashed',
    `The process that runs the model ${how}${lastWords === '' ? '.' : `: ${lastWords}`}`,
    {
      remedy:
        child.signalCode === 'SIGKILL'
          ? 'The system ends processes when memory is short: close other programs, or choose a smaller context or model.'
          : 'Load the model again; if it happens again, run `nibble verify` on it.',
    },
  );
}

/** Waits for the child's first word. @throws AppError when it dies, is silent for too long or `signal` fires */
async function waitUntilReady(
  { child, gone }: StartedChild,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const settled = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: unknown) => {
        if (typeof message !== 'object' || message === null || !('kind' in message)) return;
        if (message.kind === READY.kind) resolve();
      });
      void gone.then(reject);
      const timer = setTimeout(() => {
        reject(
          new AppError(
            'runner-crashed',
            `The process that runs the model did not answer within ${timeoutMs} ms.`,
            { remedy: 'Try again when the computer is less busy.' },
          ),
        );
      }, timeoutMs);
      settled.signal.addEventListener('abort', () => {
        clearTimeout(timer);
      });
      signal?.addEventListener('abort', () => reject(new AppError('aborted', 'Cancelled.')), {
        signal: settled.signal,
      });
    });
  } finally {
    settled.abort();
  }
}

/**
 * Starts a runner process and loads a model in it.
 *
 * @throws AppError whatever loading throws, `runner-crashed` when the process dies or does not answer, `aborted`
 */
export async function openRunner(options: OpenRunnerOptions): Promise<RunnerProcess> {
  const { directory, contextLength, mode, cacheType, threads, signal } = options;
  if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  const started = startChild(options.entry ?? RUNNER_FILE);
  const { child, gone, close } = started;
  // Loading cannot be stopped half-way in the process; ending the process can.
  const abort = (): void => void close();
  try {
    const client = connect(runnerApi, portToChild(child, gone));
    await waitUntilReady(started, options.readyTimeoutMs ?? READY_TIMEOUT_MS, signal);
    signal?.addEventListener('abort', abort, { once: true });
    const loaded = await client.load({ directory, contextLength, mode, cacheType, threads });
    return { client, loaded, pid: child.pid ?? 0, exited: gone.then(() => undefined), close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
