/** The scheme, the host and the address of the app's own page. */
export const SCHEME = 'nibble-app';
const HOST = 'app';
export const PAGE_ORIGIN = `${SCHEME}://${HOST}`;
export const PAGE_URL = `${PAGE_ORIGIN}/`;

/** True for an address within the app's own page. `URL.origin` is 'null' for schemes that Node does not know. */
export function isOwnPage(url: string): boolean {
  try {
    const { protocol, host, username, password, port } = new URL(url);
    return (
      protocol === `${SCHEME}:` &&
      host === HOST &&
      username === '' &&
      password === '' &&
      port === ''
    );
  } catch {
    return false;
  }
}

/** What the page may load at all: itself, what it makes in memory, and the developer tools where they are open. */
export function mayLoad(url: string): boolean {
  return isOwnPage(url) || /^(?:blob:nibble-app:|data:|devtools:)/.test(url);
}
