// Entry of the desktop app.
import { app } from 'electron';
import { deepLinkIn, parseDeepLink } from './deep-link.ts';
import { CommandQueue } from './command-queue.ts';
import { registerPageScheme } from './page/page-scheme.ts';
import { runDesktop, type Desktop } from './desktop.ts';

/** On Windows and Linux a second instance hands its link over; there must never be two engines on one home. */
if (!app.requestSingleInstanceLock()) app.exit(0);
else {
  // Every page of the app is sandboxed, whatever a window would ask for.
  app.enableSandbox();
  registerPageScheme();
  app.setAsDefaultProtocolClient('nibble');
  const commands = new CommandQueue();
  let desktop: Desktop | null = null;
  const openRepository = (repository: string | null): void => {
    if (repository !== null) commands.send({ kind: 'open-repository', repository });
    desktop?.focus();
  };
  openRepository(deepLinkIn(process.argv));
  app.on('second-instance', (_event, argv) => {
    openRepository(deepLinkIn(argv));
  });
  // macOS hands links over this way, also the one that started the app.
  app.on('open-url', (event, url) => {
    event.preventDefault();
    openRepository(parseDeepLink(url));
  });
  void app.whenReady().then(async () => {
    desktop = await runDesktop(commands);
  });
}
