import { toAppError, type AppError, type ErrorCode } from '../../app/contract/error.ts';
import type { EngineApi } from '../../app/contract/engine-api.ts';
import type { Progress } from '../../app/contract/progress.ts';
import type { Handlers } from '../../app/contract/rpc.ts';
import { Output } from './output.ts';
import { ProgressBars } from './progress-bars.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly home?: string;
  readonly verbose: boolean;
}

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What a command works with. */
export interface Session {
  readonly engine: Handlers<EngineApi>;
  readonly output: Output;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The context of an engine call whose events are plain progress. */
  readonly progress: { readonly signal: AbortSignal; readonly emit: (progress: Progress) => void };
  /** The context of an engine call without events. */
  readonly quiet: { readonly signal: AbortSignal; readonly emit: (event: never) => void };
  /** Clears the progress bars before something else is printed. */
  readonly clearProgress: () => void;
}

/** What is wrong with the words of the command itself. */
export class UsageError extends Error {}

/** One line: what happened and what to do. */
export function errorLine(error: AppError): string {
  const message = error.message.replace(/\s*\n\s*/g, ' ').trim();
  const end = /[.!?]$/.test(message) ? '' : '.';
  return `nibble: ${message}${end}${error.remedy === null ? '' : ` ${error.remedy}`}`;
}

function exitCodeFor(code: ErrorCode): number {
  return code === 'aborted' ? exitCodes.interrupted : exitCodes.failed;
}

/**
 * Runs one command with an engine of its own and turns whatever happens into output and an exit code.
 *
 * The first Ctrl-C aborts the command in an orderly way; the second ends the process at once.
 */
export async function runCommand(
  options: GlobalOptions,
  command: (session: Session) => Promise<number | undefined>,
): Promise<number> {
  const output = new Output({ json: options.json });
  const bars = new ProgressBars({ interactive: output.interactive });
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  let close = (): Promise<void> => Promise.resolve();
  try {
    const { createEngine, defaultHome } = await import('../../app/engine.ts');
    const { openRunner } = await import('../processes/open-runner.ts');
    const engine = await createEngine({ home: options.home ?? defaultHome(), openRunner });
    close = () => engine.close();
    const { signal } = controller;
    const code = await command({
      engine: engine.handlers,
      output,
      signal,
      progress: {
        signal,
        emit: (progress) => {
          bars.show(progress);
        },
      },
      quiet: { signal, emit: () => undefined },
      clearProgress: () => {
        bars.stop();
      },
    });
    return code ?? exitCodes.done;
  } catch (error) {
    bars.stop();
    if (error instanceof UsageError) {
      output.note(`nibble: ${error.message}`);
      return exitCodes.usage;
    }
    const known = toAppError(error);
    output.note(known.code === 'aborted' ? 'nibble: Interrupted.' : errorLine(known));
    if (options.verbose) output.note(stackOf(known));
    output.document({ error: { code: known.code, message: known.message, remedy: known.remedy } });
    return exitCodeFor(known.code);
  } finally {
    bars.stop();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await close();
  }
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}
