import { protocol } from 'electron';
import { SCHEME } from './page-address.ts';
import { rendererResponse } from './renderer-response.ts';

/** Makes the page's scheme a full origin of its own. Call before the app is ready. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: SCHEME,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ]);
}

/** Serves the built renderer under the page's scheme. Call once the app is ready. */
export function servePageScheme(rendererDirectory: string): void {
  protocol.handle(SCHEME, (request) => rendererResponse(rendererDirectory, request));
}
