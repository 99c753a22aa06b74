import type { MessagePortMain } from 'electron';
import { AppError } from '../../app/contract/error.ts';
import type { OpenRunner } from '../../app/contract/open-runner.ts';
import { connect, type Client } from '../../app/contract/rpc.ts';
import { runnerApi } from '../../app/contract/runner-api.ts';
import { SILENCE_LIMIT_MS, watchHeartbeats } from '../processes/heartbeat.ts';
import { runnerDied, runnerHung } from '../processes/open-runner.ts';
import { portOf } from './utility/message-port.ts';
import type { ShellApi } from './shell-api.ts';

/**
 * How the engine opens runners within the desktop app: the main process forks them and hands over a port to each.
 *
 * @param takePort waits for the port of a runner: it comes on another way than the answer that names it
 */
export function shellRunner(
  shell: Client<ShellApi>,
  takePort: (runnerId: number) => Promise<MessagePortMain>,
): OpenRunner {
  return async ({ signal, onStart, onTrial, ...load }) => {
    if (signal?.aborted === true) throw new AppError('aborted', 'Cancelled.');
    const { runnerId, pid } = await shell.startRunner({});
    let closing = false;
    let hung = false;
    const exited = shell.runnerEnd({ runnerId }).then(
      (end) =>
        hung
          ? runnerHung(SILENCE_LIMIT_MS)
          : closing
            ? new AppError('aborted', 'The runner was closed.')
            : runnerDied({ ...end, signal: null }),
      (error: unknown) =>
        runnerDied({ how: `was lost: ${String(error)}`, lastWords: '', signal: null }),
    );
    const close = async (): Promise<void> => {
      closing = true;
      await shell.endRunner({ runnerId });
      await exited;
    };
    // Loading cannot be stopped half-way in the process; ending the process can.
    const abort = (): void => void close();
    try {
      const died = exited.then((reason) => Promise.reject(reason));
      const port = portOf(await Promise.race([takePort(runnerId), died]));
      // The port closes before the process is reaped: only its end says why.
      const client = connect(runnerApi, {
        ...port,
        onClose: (listener) => void exited.then(listener),
      });
      const unwatch = watchHeartbeats(port, SILENCE_LIMIT_MS, () => {
        hung = true;
        void shell.endRunner({ runnerId });
      });
      void exited.then(unwatch);
      signal?.addEventListener('abort', abort, { once: true });
      onStart?.(pid);
      const loaded = await client.load(load, { onEvent: onTrial });
      return { client, loaded, exited, close };
    } catch (error) {
      await close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  };
}
