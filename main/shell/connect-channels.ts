import { ipcMain, type IpcMainEvent, type MessagePortMain } from 'electron';
import { isOwnPage } from './page/page-address.ts';

/** The only two channels between page and shell: each brings one port, and nothing is ever read from the message. */
export const connectChannels = {
  engine: 'nibble:connect-engine',
  host: 'nibble:connect-host',
} as const;

/** True for the app's own page in a window's top frame, and for nothing that was put into it. */
export function isOwnFrame(
  frame: { readonly url: string; readonly parent: unknown } | null,
): boolean {
  return frame !== null && frame.parent === null && isOwnPage(frame.url);
}

/** Hands over the ports that the page sends. A foreign sender gets no answer. */
export function onConnect(
  connect: Readonly<Record<keyof typeof connectChannels, (port: MessagePortMain) => void>>,
): void {
  const accept =
    (handOver: (port: MessagePortMain) => void) =>
    (event: IpcMainEvent): void => {
      const [port, ...more] = event.ports;
      if (port === undefined) return;
      if (more.length === 0 && isOwnFrame(event.senderFrame)) handOver(port);
      else for (const refused of event.ports) refused.close();
    };
  ipcMain.on(connectChannels.engine, accept(connect.engine));
  ipcMain.on(connectChannels.host, accept(connect.host));
}
