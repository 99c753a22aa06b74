import { AppError, because } from '../../app/contract/error.ts';
import type {
  OpenedRunner,
  OpenRunnerOptions as HostOptions,
} from '../../app/contract/open-runner.ts';
import { connect } from '../../app/contract/rpc.ts';
import { runnerApi } from '../../app/contract/runner-api.ts';
import { SILENCE_LIMIT_MS, watchHeartbeats } from './heartbeat.ts';
import { entryBeside, startChild, waitUntilReady, type UnexpectedEnd } from './start-child.ts';

/** Starting Node and reading the sources takes a quarter of a second; a machine under load may need many times that. */
const READY_TIMEOUT_MS = 30_000;

/** A runner with nothing in flight ends at once when its channel closes; one inside a long product is killed. */
const CLOSE_TIMEOUT_MS = 1_000;

const RUNNER_FILE = entryBeside(import.meta.url, 'runner-process');

/** As every host opens a runner, with what the tests of this one need. */
export interface OpenRunnerOptions extends HostOptions {
  /** The file to fork. @default the runner */
  readonly entry?: string | undefined;
  /** How long the process may take to say that it is there. @default 30 s */
  readonly readyTimeoutMs?: number | undefined;
  /** How long it may go without a sign of life after that. @default 30 s */
  readonly silenceLimitMs?: number | undefined;
}

export interface RunnerProcess extends OpenedRunner {
  readonly pid: number;
}

/** Why calls fail that were in flight when a runner died. */
export function runnerDied({ how, signal, lastWords }: UnexpectedEnd): AppError {
  return new AppError(
    'runner-crashed',
    `The process that runs the model ${how}${lastWords === '' ? '.' : `: ${lastWords}`}`,
    {
      reason: 'runner-ended',
      facts: { how, lastWords },
      remedy:
        signal === 'SIGKILL'
          ? 'The system ends processes when memory is short: close other programs, or choose a smaller context or model.'
          : 'Load the model again; if it happens again, run `nibble verify` on it.',
    },
  );
}

/** Why calls fail that were in flight when a runner was ended that had not been heard of for `silenceMs`. */
export function runnerHung(silenceMs: number): AppError {
  const seconds = silenceMs / 1000;
  return new AppError(
    'runner-crashed',
    `The process that runs the model was busy with one thing for ${seconds} s and could not be reached; it was ended.`,
    because(
      'runner-hung',
      { seconds },
      { remedy: 'Ask something else; if it happens again, do not use this model.' },
    ),
  );
}

function silence(timeoutMs: number): AppError {
  return new AppError(
    'runner-crashed',
    `The process that runs the model did not answer within ${timeoutMs} ms.`,
    because(
      'runner-silent',
      { seconds: timeoutMs / 1000 },
      { remedy: 'Try again when the computer is less busy.' },
    ),
  );
}

/**
 * Starts a runner process and loads a model in it.
 *
 * @throws AppError whatever loading throws, `runner-crashed` when the process dies or does not answer, `aborted`
 */
export async function openRunner(options: OpenRunnerOptions): Promise<RunnerProcess> {
  const { directory, recordsDirectory, contextLength, maxContextLength, mode, cacheType, threads } =
    options;
  const { device, profile, signal, onTrial } = options;
  if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
  const started = startChild({
    kind: 'runner',
    entry: options.entry ?? RUNNER_FILE,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    closedMessage: 'The runner was closed.',
    describe: runnerDied,
  });
  const { child, port, gone, close, kill } = started;
  // Loading cannot be stopped half-way in the process; ending the process can.
  const abort = (): void => void close();
  try {
    const client = connect(runnerApi, port);
    const timeoutMs = options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    await waitUntilReady(started, timeoutMs, silence(timeoutMs), signal);
    const silenceMs = options.silenceLimitMs ?? SILENCE_LIMIT_MS;
    const unwatch = watchHeartbeats(port, silenceMs, () => {
      kill(runnerHung(silenceMs));
    });
    void gone.then(unwatch);
    signal?.addEventListener('abort', abort, { once: true });
    const pid = child.pid ?? 0;
    options.onStart?.(pid);
    const loaded = await client.load(
      {
        directory,
        recordsDirectory,
        contextLength,
        maxContextLength,
        mode,
        cacheType,
        threads,
        device,
        profile,
      },
      { onEvent: onTrial },
    );
    return { client, loaded, pid, exited: gone, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
