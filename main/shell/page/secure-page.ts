import { app, session, type Session, type WebContents } from 'electron';
import { isOwnPage, mayLoad } from './page-address.ts';

/** What holds for every page of the app, whoever opens it. */

function refusePermissions(target: Session): void {
  target.setPermissionRequestHandler((_contents, permission, answer) => {
    // Writing to the clipboard is what 'copy' does; Chromium asks only where a click did not lead to it.
    answer(permission === 'clipboard-sanitized-write');
  });
  target.setPermissionCheckHandler(
    (_contents, permission) => permission === 'clipboard-sanitized-write',
  );
  target.setDevicePermissionHandler(() => false);
}

function refuseForeignLoads(target: Session): void {
  target.webRequest.onBeforeRequest(({ url }, answer) => {
    answer({ cancel: !mayLoad(url) });
  });
}

function stayOnPage(contents: WebContents): void {
  contents.on('will-navigate', (event) => {
    if (!isOwnPage(event.url)) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame || !isOwnPage(event.url)) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    if (!isOwnPage(event.url)) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** Call once the app is ready, before any window is made. */
export function securePages(): void {
  refusePermissions(session.defaultSession);
  refuseForeignLoads(session.defaultSession);
  app.on('web-contents-created', (_event, contents) => {
    stayOnPage(contents);
  });
}
