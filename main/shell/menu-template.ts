import type { MenuItemConstructorOptions } from 'electron';
import type { HostCommand } from '../../app/contract/host-api.ts';

type CommandName = Extract<HostCommand, { kind: 'command' }>['command'];

export interface MenuContext {
  readonly platform: NodeJS.Platform;
  readonly appName: string;
  readonly packaged: boolean;
  readonly send: (command: HostCommand) => void;
  readonly copyDiagnostics: () => void;
  readonly showLog: () => void;
}

/** The views in the order of the rail: Alt and a digit, as the renderer's own list of shortcuts says. */
const views: readonly (readonly [string, CommandName])[] = [
  ['Home', 'show-home'],
  ['Library', 'show-library'],
  ['Chat', 'show-chat'],
  ['Compare', 'show-compare'],
  ['Jobs', 'show-jobs'],
];

/** The application's menu. Every command that the page knows is in it, so that it is found without knowing its key. */
export function menuTemplate(context: MenuContext): MenuItemConstructorOptions[] {
  const mac = context.platform === 'darwin';
  const item = (
    label: string,
    command: CommandName,
    accelerator?: string,
  ): MenuItemConstructorOptions => ({
    label,
    ...(accelerator === undefined ? {} : { accelerator }),
    click: () => {
      context.send({ kind: 'command', command });
    },
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const settings = item('Settings…', 'show-settings', 'CmdOrCtrl+,');
  const appMenu: MenuItemConstructorOptions[] = [
    { role: 'about' },
    separator,
    settings,
    separator,
    { role: 'services' },
    separator,
    { role: 'hide' },
    { role: 'hideOthers' },
    { role: 'unhide' },
    separator,
    { role: 'quit' },
  ];
  return [
    ...(mac ? [{ label: context.appName, submenu: appMenu }] : []),
    {
      label: '&File',
      submenu: [
        item('New Chat', 'new-chat', 'CmdOrCtrl+N'),
        item('Get a Model…', 'show-get', 'CmdOrCtrl+O'),
        ...(mac
          ? [separator, { role: 'close' as const }]
          : [separator, settings, separator, { role: 'quit' as const }]),
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        item('Command Palette…', 'palette', 'CmdOrCtrl+K'),
        separator,
        ...views.map(([label, command], index) => item(label, command, `Alt+${index + 1}`)),
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        // The shipped app has no developer tools: whoever got a person to open them could run anything in the page.
        ...(context.packaged ? [] : [separator, { role: 'toggleDevTools' as const }]),
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        item('Keyboard Shortcuts', 'show-shortcuts'),
        separator,
        { label: 'Copy Diagnostics', click: context.copyDiagnostics },
        { label: 'Show Log File', click: context.showLog },
        ...(mac ? [] : [separator, { role: 'about' as const }]),
      ],
    },
  ];
}
