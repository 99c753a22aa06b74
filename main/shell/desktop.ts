import { app, clipboard, dialog, Menu, shell, type BrowserWindow } from 'electron';
import path from 'node:path';
import { toAppError } from '../../app/contract/error.ts';
import { hostApi } from '../../app/contract/host-api.ts';
import { serve } from '../../app/contract/rpc.ts';
import { defaultHome } from '../../app/engine.ts';
import { rendererDirectory } from '../page/renderer-files.ts';
import { diagnosticsText } from '../processes/diagnostics.ts';
import { superviseEngine, type SupervisedEngine } from '../processes/supervise-engine.ts';
import type { CommandQueue } from './command-queue.ts';
import { onConnect } from './connect-channels.ts';
import { shellHostCalls } from './host-calls.ts';
import { openLogFile, type LogFile } from './log-file.ts';
import { menuTemplate } from './menu-template.ts';
import { portOf } from './utility/message-port.ts';
import { openWindow } from './open-window.ts';
import { servePageScheme } from './page/page-scheme.ts';
import { securePages } from './page/secure-page.ts';
import { showActivity } from './show-activity.ts';
import { startShellEngine, type ShellEngine } from './utility/start-engine.ts';
import { keychainTokenStore } from './token-store.ts';

/** A page that dies again this soon is not loaded anew without asking. */
const PATIENCE_MS = 10_000;

/** The running desktop app. */
export interface Desktop {
  readonly focus: () => void;
}

/** Starts the engine; what keeps it from starting is shown, and the app ends. */
async function startEngine(folder: string, log: LogFile): Promise<SupervisedEngine<ShellEngine>> {
  const home = process.env['NIBBLE_HOME'] ?? defaultHome();
  try {
    return await superviseEngine(() => startShellEngine(home, keychainTokenStore(folder)));
  } catch (error) {
    const { message, remedy } = toAppError(error);
    log.add(`engine did not start: ${message}`);
    dialog.showErrorBox('Nibble cannot start', [message, remedy ?? ''].join('\n\n').trim());
    app.exit(1);
    throw error;
  }
}

/** A page that has died is loaded anew; when that does not help, the person decides. */
function recoverPage(window: BrowserWindow, log: LogFile): void {
  let lastDeath = 0;
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    if (reason === 'clean-exit') return;
    log.add(`page ended: ${reason}, exit code ${exitCode}`);
    const again = Date.now() - lastDeath < PATIENCE_MS;
    lastDeath = Date.now();
    if (!again) {
      window.reload();
      return;
    }
    void dialog
      .showMessageBox(window, {
        type: 'error',
        message: 'Nibble’s window has stopped working twice.',
        detail: 'Jobs go on, and nothing is lost. Load the window again, or close it.',
        buttons: ['Load again', 'Close'],
        cancelId: 1,
      })
      .then(({ response }) => {
        if (response === 0) window.reload();
        else window.destroy();
      });
  });
}

/** Runs the app: page, engine, window, menu. Call once Electron is ready. */
export async function runDesktop(commands: CommandQueue): Promise<Desktop> {
  const folder = app.getPath('userData');
  const version = app.getVersion();
  const log = openLogFile(path.join(app.getPath('logs'), 'nibble.log'));
  log.add(`Nibble ${version} started, Electron ${process.versions.electron}`);
  securePages();
  servePageScheme(rendererDirectory());
  const engine = await startEngine(folder, log);
  engine.onRestart((reason) => {
    log.add(`engine restarted: ${reason}`);
    commands.announce({ kind: 'engine-restarted', reason });
  });

  let window: BrowserWindow | null = null;
  const currentWindow = (): BrowserWindow | null => window;
  const show = (): void => {
    if (window === null) {
      window = openWindow(folder, app.isPackaged);
      recoverPage(window, log);
      window.on('closed', () => {
        window = null;
      });
    } else {
      if (window.isMinimized()) window.restore();
      window.focus();
    }
  };
  const diagnostics = (): Promise<string> =>
    diagnosticsText({
      host: `electron ${version} (Electron ${process.versions.electron})`,
      engine: engine.client,
      logLines: log.tail(),
    });

  const hostHandlers = shellHostCalls({
    version,
    logFile: log.file,
    window: currentWindow,
    downloads: app.getPath('downloads'),
    diagnostics,
    listen: (listener) => commands.listen(listener),
  });
  onConnect({
    host: (port) => {
      serve(hostApi, hostHandlers, portOf(port));
    },
    engine: (port) => {
      // While there is no engine the page's calls wait in the port; without hope of one it is closed.
      engine.running().then(
        ({ attach }) => {
          attach(port);
        },
        () => {
          port.close();
        },
      );
    },
  });
  Menu.setApplicationMenu(
    Menu.buildFromTemplate(
      menuTemplate({
        platform: process.platform,
        appName: app.getName(),
        packaged: app.isPackaged,
        send: (command) => {
          show();
          commands.send(command);
        },
        copyDiagnostics: () => void diagnostics().then((text) => clipboard.writeText(text)),
        showLog: () => {
          shell.showItemInFolder(log.file);
        },
      }),
    ),
  );
  const ending = new AbortController();
  showActivity(engine.client, currentWindow, ending.signal);

  app.on('activate', show);
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('will-quit', (event) => {
    if (ending.signal.aborted) return;
    event.preventDefault();
    ending.abort();
    log.add('closing');
    // Jobs that run are found again as interrupted, and go on when they are resumed.
    void engine.close().finally(() => app.exit(0));
  });
  show();
  return { focus: show };
}
