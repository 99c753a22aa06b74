import { utilityProcess, type UtilityProcess } from 'electron';
import { childEnvironment, type ChildKind } from '../../processes/child-environment.ts';
import { KILLED_TIMEOUT_MS } from '../../processes/start-child.ts';
import { OutputTail } from '../../processes/output-tail.ts';

/** Enough of a dying process's output to recognize what happened. */
const SHOWN_LINES = 6;

/** How a utility process ended. */
export interface UtilityEnd {
  readonly how: string;
  readonly lastWords: string;
}

export interface StartedUtility {
  readonly process: UtilityProcess;
  /** Resolves when it is gone, however it ended. */
  readonly gone: Promise<UtilityEnd>;
  /** Asks with `ask`, and kills it when it is not gone `timeoutMs` later. */
  readonly end: (ask: () => void, timeoutMs: number) => Promise<void>;
  /** Kills a process that does not end by itself. */
  readonly kill: () => void;
}

/**
 * Forks a utility process.
 *
 * @param name as the system's list of processes shows it
 */
export function startUtility(entry: string, name: string, kind: ChildKind): StartedUtility {
  const child = utilityProcess.fork(entry, [], {
    serviceName: name,
    stdio: 'pipe',
    env: childEnvironment(kind, entry),
  });
  const output = new OutputTail();
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output.append(chunk.toString('utf8'));
    });
  const { promise: gone, resolve: end } = Promise.withResolvers<UtilityEnd>();
  child.once('exit', (code) => {
    end({ how: `ended with exit code ${code}`, lastWords: output.lastLines(SHOWN_LINES) });
  });
  const kill = (): void => {
    // A process that never came up, or is gone, has no id.
    if (child.pid === undefined) return;
    // `kill` of Electron asks; a process that runs in circles hears nothing.
    process.kill(child.pid, 'SIGKILL');
    setTimeout(() => {
      end({ how: 'was killed and did not end', lastWords: output.lastLines(SHOWN_LINES) });
    }, KILLED_TIMEOUT_MS).unref();
  };
  return {
    process: child,
    gone,
    end: async (ask, timeoutMs) => {
      if (child.pid === undefined) return;
      const timer = setTimeout(kill, timeoutMs);
      ask();
      await gone;
      clearTimeout(timer);
    },
    kill,
  };
}
