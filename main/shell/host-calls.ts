import { dialog, Notification, shell, type BrowserWindow } from 'electron';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../app/contract/error.ts';
import type { HostApi, HostCommand } from '../../app/contract/host-api.ts';
import type { Handlers } from '../../app/contract/rpc.ts';
import { plainFileName } from './file-name.ts';
import { replaceFile } from './small-file.ts';

export interface HostContext {
  readonly version: string;
  readonly logFile: string;
  readonly window: () => BrowserWindow | null;
  readonly downloads: string;
  readonly diagnostics: () => Promise<string>;
  /** Hands over commands, those first that came while nobody listened. Returns what ends it. */
  readonly listen: (listener: (command: HostCommand) => void) => () => void;
}

/** Dialogs belong to the window, where there is one. */
function withWindow<T>(
  window: BrowserWindow | null,
  show: (parent: BrowserWindow) => Promise<T>,
): Promise<T> {
  if (window === null) throw new AppError('aborted', 'The window is closed.');
  return show(window);
}

async function openExternal(window: BrowserWindow | null, url: string): Promise<void> {
  const { protocol, host } = new URL(url);
  if (protocol !== 'https:')
    throw new AppError('invalid-input', `Only https pages are opened, not ${protocol}`);
  const { response } = await withWindow(window, (parent) =>
    dialog.showMessageBox(parent, {
      type: 'question',
      message: `Open ${host} in your browser?`,
      detail: url,
      buttons: ['Open', 'Cancel'],
      defaultId: 0,
      cancelId: 1,
    }),
  );
  if (response === 0) await shell.openExternal(url);
}

/** What the page may ask of the desktop. Every call that leaves the app shows the person what it is about to do. */
export function shellHostCalls(context: HostContext): Handlers<HostApi> {
  return {
    about: () =>
      Promise.resolve({
        host: 'electron',
        version: context.version,
        platform: process.platform,
        canChooseFolder: true,
        canReveal: true,
        canNotify: Notification.isSupported(),
        canSaveText: true,
        logFile: context.logFile,
      }),
    chooseFolder: async ({ title }) => {
      const { canceled, filePaths } = await withWindow(context.window(), (parent) =>
        dialog.showOpenDialog(parent, { title, properties: ['openDirectory', 'createDirectory'] }),
      );
      return { directory: canceled ? null : (filePaths[0] ?? null) };
    },
    reveal: ({ directory }) => {
      if (!path.isAbsolute(directory) || !existsSync(directory))
        throw new AppError('not-found', `There is no folder ${directory}.`, {
          remedy: 'Look whether its disk is connected.',
        });
      // Shows it in the file manager, and never runs what it may be.
      shell.showItemInFolder(directory);
      return Promise.resolve({});
    },
    openExternal: async ({ url }) => {
      await openExternal(context.window(), url);
      return {};
    },
    notify: ({ title, body }) => {
      const notification = new Notification({ title, body });
      notification.on('click', () => {
        const window = context.window();
        window?.show();
        window?.focus();
      });
      notification.show();
      return Promise.resolve({});
    },
    saveText: async ({ fileName, text }) => {
      const { canceled, filePath } = await withWindow(context.window(), (parent) =>
        dialog.showSaveDialog(parent, {
          defaultPath: path.join(context.downloads, plainFileName(fileName)),
        }),
      );
      if (canceled || filePath === '') return { path: null };
      // A document of the person's: as readable as any other that they save.
      replaceFile(filePath, text, 0o666);
      return { path: filePath };
    },
    diagnostics: async () => ({ text: await context.diagnostics() }),
    watch: (_params, { signal, emit }) =>
      new Promise((resolve) => {
        const stop = context.listen(emit);
        const end = (): void => {
          stop();
          resolve({});
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
      }),
  };
}
