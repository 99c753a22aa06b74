import { MessageChannelMain, type MessagePortMain } from 'electron';
import { z } from 'zod';
import { engineApi } from '../../../app/contract/engine-api.ts';
import { AppError, fromWire, wireErrorSchema } from '../../../app/contract/error.ts';
import { connect, serve } from '../../../app/contract/rpc.ts';
import { FAILED, READY } from '../../processes/child-port.ts';
import { ENGINE_SILENCE_LIMIT_MS, watchHeartbeats } from '../../processes/heartbeat.ts';
import {
  ENGINE_READY_TIMEOUT_MS,
  engineDied,
  engineHung,
  engineSilent,
} from '../../processes/open-engine.ts';
import { entryBeside } from '../../processes/start-child.ts';
import type { StartedEngine } from '../../processes/supervise-engine.ts';
import { portOf } from './message-port.ts';
import { RunnerProcesses } from './runner-processes.ts';
import { shellApi, type EngineMessage } from '../shell-api.ts';
import { startUtility } from './start-utility.ts';

const ENGINE_FILE = entryBeside(import.meta.url, 'engine-utility');

/** A running job ends after the tensor or the piece of a file that it has in hand. */
const CLOSE_TIMEOUT_MS = 15_000;

/** Where the main process keeps the hub token. */
export interface TokenStore {
  readonly read: () => Promise<string | null>;
  readonly write: (token: string | null) => Promise<void>;
}

/** An engine in a utility process, which windows call over ports of their own. */
export interface ShellEngine extends StartedEngine {
  /** Hands the other end of a window's port to the engine: from then on the two speak without the main process. */
  readonly attach: (port: MessagePortMain) => void;
}

const firstWordSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal(READY.kind) }),
  z.object({ kind: z.literal(FAILED), error: wireErrorSchema }),
]);

/**
 * Starts the engine of the desktop app.
 *
 * @throws AppError what keeps the engine from beginning, 'engine-restarted' when it dies before
 */
export async function startShellEngine(home: string, tokens: TokenStore): Promise<ShellEngine> {
  const utility = startUtility(ENGINE_FILE, 'Nibble engine', 'engine');
  const runners = new RunnerProcesses();
  let closing = false;
  let killedFor: AppError | null = null;
  // Runners belong to their engine: a new one would know nothing of them, and their memory would stay taken.
  const gone = utility.gone.then(async (end) => {
    await runners.endAll();
    return closing
      ? new AppError('aborted', 'The engine was closed.')
      : (killedFor ?? engineDied(end));
  });
  const post = (message: EngineMessage, ports: MessagePortMain[] = []): void => {
    utility.process.postMessage(message, ports);
  };
  const attach = (port: MessagePortMain): void => {
    post({ kind: 'client' }, [port]);
  };
  const close = async (): Promise<void> => {
    closing = true;
    await utility.end(() => {
      post({ kind: 'close' });
    }, CLOSE_TIMEOUT_MS);
    await gone;
  };

  const shellChannel = new MessageChannelMain();
  serve(
    shellApi,
    {
      readHubToken: () => tokens.read(),
      writeHubToken: async ({ token }) => {
        await tokens.write(token);
        return {};
      },
      startRunner: async () => {
        const { runnerId, pid, port } = await runners.start();
        post({ kind: 'runner', runnerId }, [port]);
        return { runnerId, pid };
      },
      runnerEnd: ({ runnerId }) => runners.ended(runnerId),
      endRunner: async ({ runnerId }) => {
        await runners.end(runnerId);
        return {};
      },
    },
    portOf(shellChannel.port2),
  );
  const kill = (reason: AppError): void => {
    killedFor ??= reason;
    utility.kill();
  };
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      kill(engineSilent(ENGINE_READY_TIMEOUT_MS));
    }, ENGINE_READY_TIMEOUT_MS);
    utility.process.on('message', (message: unknown) => {
      const word = firstWordSchema.safeParse(message);
      if (!word.success) return;
      clearTimeout(timer);
      if (word.data.kind === FAILED) reject(fromWire(word.data.error));
      else resolve();
    });
    void gone.then((reason) => {
      clearTimeout(timer);
      reject(reason);
    });
  });
  post({ kind: 'start', home }, [shellChannel.port1]);
  try {
    await ready;
  } catch (error) {
    await close();
    throw error;
  }
  const unwatch = watchHeartbeats(
    { onMessage: (listener) => utility.process.on('message', listener) },
    ENGINE_SILENCE_LIMIT_MS,
    () => {
      kill(engineHung(ENGINE_SILENCE_LIMIT_MS));
    },
  );
  void gone.then(unwatch);
  const own = new MessageChannelMain();
  attach(own.port1);
  const port = portOf(own.port2);
  // The port closes before the process is reaped: only its end says why.
  const client = connect(engineApi, { ...port, onClose: (listener) => void gone.then(listener) });
  return { client, pid: utility.process.pid ?? 0, gone, close, attach };
}
