import { BrowserWindow, nativeTheme, screen, type WebPreferences } from 'electron';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PAGE_URL } from './page/page-address.ts';
import { readSmallFile, replaceFile } from './small-file.ts';
import { LEAST_SIZE, placeWindow, windowStateSchema, type WindowState } from './window-bounds.ts';

/** The page is treated as a stranger: its own process, its own world, no Node, no other origin. */
const webPreferences: WebPreferences = {
  preload: fileURLToPath(new URL('./preload.cjs', import.meta.url)),
  sandbox: true,
  contextIsolation: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  // Chromium would fetch dictionaries from the network; nothing leaves this computer unasked.
  spellcheck: false,
};

/** What shows until the page has painted: the surfaces of the two themes, so that nothing flashes. */
const BACKGROUND = { light: '#fafbfc', dark: '#14171a' } as const;

/** A handful of numbers. */
const MAX_STATE_BYTES = 1024;

/** Waits for the end of a drag before it writes. */
const SAVE_DELAY_MS = 500;

function readState(file: string): WindowState | null {
  try {
    const content = readSmallFile(file, MAX_STATE_BYTES);
    return content === null ? null : windowStateSchema.parse(JSON.parse(content.toString('utf8')));
  } catch {
    // A damaged file costs the place of the window and nothing else.
    return null;
  }
}

function rememberPlace(window: BrowserWindow, file: string): void {
  let timer: NodeJS.Timeout | null = null;
  const save = (): void => {
    const state: WindowState = {
      bounds: window.getNormalBounds(),
      maximized: window.isMaximized(),
    };
    try {
      replaceFile(file, JSON.stringify(state));
    } catch {
      // A full disk must not keep a window from closing.
    }
  };
  const later = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(save, SAVE_DELAY_MS);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('close', () => {
    if (timer !== null) clearTimeout(timer);
    save();
  });
}

/**
 * Opens the window where it was, and shows it once the page has painted.
 *
 * @param folder of the app's own data
 * @param packaged the shipped app has no developer tools
 */
export function openWindow(folder: string, packaged: boolean): BrowserWindow {
  const file = path.join(folder, 'window.json');
  const state = readState(file);
  const primary = screen.getPrimaryDisplay();
  const displays = [primary, ...screen.getAllDisplays().filter(({ id }) => id !== primary.id)];
  const window = new BrowserWindow({
    ...placeWindow(
      state,
      displays.map(({ workArea }) => workArea),
    ),
    minWidth: LEAST_SIZE.width,
    minHeight: LEAST_SIZE.height,
    show: false,
    title: 'Nibble',
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: { ...webPreferences, devTools: !packaged },
  });
  if (state?.maximized === true) window.maximize();
  rememberPlace(window, file);
  window.once('ready-to-show', () => {
    window.show();
  });
  void window.loadURL(PAGE_URL);
  return window;
}
