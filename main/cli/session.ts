import { describeError, toAppError } from '../../app/contract/error.ts';
import type { EngineApi } from '../../app/contract/engine-api.ts';
import type { OpenRunner } from '../../app/contract/open-runner.ts';
import type { Progress } from '../../app/contract/progress.ts';
import type { Handlers } from '../../app/contract/rpc.ts';
import { Output } from './output.ts';
import { ProgressBars } from './progress-bars.ts';
import { UsageError } from './usage-error.ts';
import { errorLine } from './words/error-line.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly home?: string;
  readonly verbose: boolean;
}

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What a command works with that needs no engine in its own process. */
export interface BareSession {
  readonly output: Output;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What a command works with. */
export interface Session extends BareSession {
  readonly engine: Handlers<EngineApi>;
  /** Runs an artifact in a process of its own. */
  readonly openRunner: OpenRunner;
  /** The context of an engine call whose events are plain progress. */
  readonly progress: { readonly signal: AbortSignal; readonly emit: (progress: Progress) => void };
  /** The context of an engine call without events. */
  readonly quiet: { readonly signal: AbortSignal; readonly emit: (event: never) => void };
  /** Clears the progress bars before something else is printed. */
  readonly clearProgress: () => void;
}

/** Says what went wrong, as every command does: in a line on stderr and, with --json, as the document. @returns the exit code */
function report(output: Output, error: unknown, isVerbose: boolean): number {
  const known = toAppError(error);
  output.note(known.code === 'aborted' ? 'nibble: Interrupted.' : errorLine(known));
  if (isVerbose) output.noteBlock(stackOf(known));
  output.document({ error: describeError(known) });
  if (known instanceof UsageError) return exitCodes.usage;
  return known.code === 'aborted' ? exitCodes.interrupted : exitCodes.failed;
}

/** Says what is wrong with a command that could not even begin. @returns the exit code */
export function reportUsage(error: UsageError, options: { json: boolean }): number {
  return report(new Output(options), error, false);
}

/**
 * Runs one command with an engine of its own and turns whatever happens into output and an exit code.
 *
 * The first Ctrl-C aborts the command in an orderly way; the second ends the process at once.
 */
export function runCommand(
  options: GlobalOptions,
  command: (session: Session) => Promise<number | undefined>,
): Promise<number> {
  return runBareCommand(options, async (bare) => {
    const { createEngine, defaultHome } = await import('../../app/engine.ts');
    const { openRunner } = await import('../processes/open-runner.ts');
    const { output, signal } = bare;
    const bars = new ProgressBars({ interactive: output.interactive });
    const engine = await createEngine({ home: options.home ?? defaultHome(), openRunner });
    try {
      return await command({
        ...bare,
        engine: engine.handlers,
        openRunner: engine.notingDamage(openRunner),
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
    } finally {
      bars.stop();
      await engine.close();
    }
  });
}

/** As `runCommand`, for a command that needs no engine in its own process. */
export async function runBareCommand(
  options: GlobalOptions,
  command: (session: BareSession) => Promise<number | undefined>,
): Promise<number> {
  const output = new Output({ json: options.json });
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    const code = await command({ output, signal: controller.signal });
    return code ?? exitCodes.done;
  } catch (error) {
    return report(output, error, options.verbose);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}
