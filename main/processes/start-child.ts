import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AppError, fromWire, wireErrorSchema } from '../../app/contract/error.ts';
import type { Port } from '../../app/contract/rpc.ts';
import { childEnvironment, type ChildKind } from './child-environment.ts';
import { FAILED, portToChild, READY } from './child-port.ts';
import { OutputTail } from './output-tail.ts';

/** Enough of a dying process's output to recognize what happened. */
const SHOWN_LINES = 6;

/**
 * A killed process is gone at once, but for one that waits inside the system for a disk that does not answer. It does
 * nothing more, whatever comes; nobody waits for it longer than this.
 */
export const KILLED_TIMEOUT_MS = 10_000;

/** How a process ended that nobody had asked to end. */
export interface UnexpectedEnd {
  /** `was ended by SIGKILL`, `ended with exit code 1`, `could not be started: …`. */
  readonly how: string;
  readonly signal: NodeJS.Signals | null;
  /** The last lines it printed, in one; empty when it was silent. */
  readonly lastWords: string;
}

export interface ChildOptions {
  readonly kind: ChildKind;
  /** The file to fork. */
  readonly entry: string;
  readonly args?: readonly string[] | undefined;
  /** How long it may take to end after its channel was closed; it is killed then. */
  readonly closeTimeoutMs: number;
  /** What to say of calls that fail because the process was closed on purpose. */
  readonly closedMessage: string;
  readonly describe: (end: UnexpectedEnd) => AppError;
}

export interface StartedChild {
  readonly child: ChildProcess;
  readonly port: Port;
  /** Resolves once the process is gone and all it said was read, with why calls fail from now on. */
  readonly gone: Promise<AppError>;
  /** Ends the process and waits until it is gone; safe to call twice. */
  readonly close: () => Promise<void>;
  /** Kills a process that does not end by itself; `reason` is why its calls fail. */
  readonly kill: (reason: AppError) => void;
}

/**
 * The entry file of a process, as it lies beside the file that starts it: a checkout runs the TypeScript, the packaged
 * app the JavaScript that was made of it.
 *
 * @param name without its extension
 */
export function entryBeside(moduleUrl: string, name: string): string {
  return fileURLToPath(new URL(`./${name}${path.extname(moduleUrl)}`, moduleUrl));
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

/** Forks a process that will speak over its channel. Wait for `waitUntilReady` before calling it. */
export function startChild(options: ChildOptions): StartedChild {
  const child = fork(options.entry, [...(options.args ?? [])], {
    // Typed arrays cross as bytes; JSON would make objects of them.
    serialization: 'advanced',
    // The parent's own flags (a debugger's port, a test runner's hooks) are not the child's.
    execArgv: [],
    env: childEnvironment(options.kind, options.entry),
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
  const how = (): string =>
    startError !== null && child.pid === undefined
      ? `could not be started: ${startError.message}`
      : child.signalCode !== null
        ? `was ended by ${child.signalCode}`
        : `ended with exit code ${child.exitCode ?? 'unknown'}`;
  let killedFor: AppError | null = null;
  const hasEnded = ended(child);
  const abandoned = Promise.withResolvers<undefined>();
  const forceEnd = (): void => {
    child.kill('SIGKILL');
    const timer = setTimeout(() => {
      abandoned.resolve(undefined);
    }, KILLED_TIMEOUT_MS);
    void hasEnded.then(() => {
      clearTimeout(timer);
    });
  };
  const gone = Promise.race([hasEnded, abandoned.promise]).then(() =>
    closing
      ? new AppError('aborted', options.closedMessage)
      : (killedFor ??
        options.describe({
          how: how(),
          signal: child.signalCode,
          lastWords: output.lastLines(SHOWN_LINES),
        })),
  );
  return {
    child,
    port: portToChild(child, gone),
    gone,
    close: async () => {
      closing = true;
      if (child.connected) child.disconnect();
      const timer = setTimeout(forceEnd, options.closeTimeoutMs);
      await gone;
      clearTimeout(timer);
    },
    kill: (reason) => {
      killedFor ??= reason;
      forceEnd();
    },
  };
}

const firstWordSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal(READY.kind) }),
  z.object({ kind: z.literal(FAILED), error: wireErrorSchema }),
]);

/**
 * Waits for the child's first word.
 *
 * @param silent what to say when it does not come within `timeoutMs`
 * @throws AppError what the child says stopped it, what `describe` says when it dies, `silent`, or 'aborted'
 */
export async function waitUntilReady(
  { child, gone }: Pick<StartedChild, 'child' | 'gone'>,
  timeoutMs: number,
  silent: AppError,
  signal?: AbortSignal,
): Promise<void> {
  const settled = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('message', (message: unknown) => {
        const word = firstWordSchema.safeParse(message);
        if (!word.success) return;
        if (word.data.kind === FAILED) reject(fromWire(word.data.error));
        else resolve();
      });
      void gone.then(reject);
      const timer = setTimeout(() => {
        reject(silent);
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
