import type { EngineApi } from '../../app/contract/engine-api.ts';
import { AppError } from '../../app/contract/error.ts';
import type { HostApi } from '../../app/contract/host-api.ts';
import type { Client, Handlers } from '../../app/contract/rpc.ts';
import { diagnosticsText } from '../processes/diagnostics.ts';

export interface WebHostContext {
  readonly version: string;
  readonly engine: Client<EngineApi>;
  readonly onRestart: (listener: (reason: string) => void) => () => void;
  readonly logLines: () => readonly string[];
}

function cannot(what: string, remedy: string): Promise<never> {
  return Promise.reject(new AppError('invalid-input', what, { remedy }));
}

/** What a browser's window may ask of the server behind it: nothing that would open windows on the server's screen. */
export function webHostCalls(context: WebHostContext): Handlers<HostApi> {
  return {
    about: () =>
      Promise.resolve({
        host: 'web',
        version: context.version,
        platform: process.platform,
        canChooseFolder: false,
        canReveal: false,
        canNotify: false,
        canSaveText: false,
        logFile: null,
      }),
    chooseFolder: () =>
      cannot('A browser cannot choose a folder of this computer.', 'Type its path instead.'),
    reveal: ({ directory }) =>
      cannot('A browser cannot show a folder of this computer.', `Open it yourself: ${directory}`),
    openExternal: ({ url }) =>
      cannot('This host opens no pages by itself.', `Follow the link in the browser: ${url}`),
    notify: () =>
      cannot('This host shows no notifications.', 'Keep the window open to see how jobs go on.'),
    saveText: ({ fileName }) =>
      cannot(
        `A browser's host does not save ${fileName} itself.`,
        'Use the download of the browser.',
      ),
    diagnostics: async () => ({
      text: await diagnosticsText({
        host: `web ${context.version}`,
        engine: context.engine,
        logLines: context.logLines(),
      }),
    }),
    watch: (_params, { signal, emit }) =>
      new Promise((resolve) => {
        const stop = context.onRestart((reason) => {
          emit({ kind: 'engine-restarted', reason });
        });
        const end = (): void => {
          stop();
          resolve({});
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
      }),
  };
}
