/*
 * What this page sends with every call to the web host beside its cookie. Browsers send cookies to all ports of a host;
 * the key stays in this tab. It comes once, in the address, and leaves the address bar at once. A tab that has none asks
 * the other tabs of this origin.
 */

const NAME = 'nibble-page-key';

/** As the web host makes it: 32 bytes in base64url. Anything else could not be sent as the name of a subprotocol. */
const KEY = /^[\w-]{43}$/;

/** Other tabs answer within milliseconds, or there are none. */
const ANSWER_MS = 300;

let key: string | null = null;

function stored(): string | null {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    // Storage can be switched off; then the key lives as long as the page.
    return null;
  }
}

function keep(found: string): void {
  key = found;
  try {
    sessionStorage.setItem(NAME, found);
  } catch {
    // As above.
  }
}

/** Takes the key out of the address, where there is one. Call it before anything looks at the address. */
export function takeKeyFromAddress(): void {
  const url = new URL(location.href);
  const given = url.searchParams.get('key');
  if (given === null) return;
  url.searchParams.delete('key');
  history.replaceState(history.state, '', url);
  if (KEY.test(given)) keep(given);
}

const tabs = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(NAME);

tabs?.addEventListener('message', (event: MessageEvent<unknown>) => {
  if (event.data === 'ask' && key !== null) tabs.postMessage({ key });
});

/** @param refused Other tabs may still have this one. */
function askOtherTabs(refused: string | null): Promise<string | null> {
  return new Promise((resolve) => {
    if (tabs === null) {
      resolve(null);
      return;
    }
    const end = (found: string | null): void => {
      clearTimeout(timer);
      tabs.removeEventListener('message', listen);
      resolve(found);
    };
    const listen = ({ data }: MessageEvent<unknown>): void => {
      if (typeof data !== 'object' || data === null || !('key' in data)) return;
      if (typeof data.key !== 'string' || !KEY.test(data.key)) return;
      if (data.key !== refused) end(data.key);
    };
    const timer = setTimeout(() => {
      end(null);
    }, ANSWER_MS);
    tabs.addEventListener('message', listen);
    tabs.postMessage('ask');
  });
}

/**
 * The key of this page, or null where no tab has one.
 *
 * @param refused A key that the host did not take: only another one is of use.
 */
export async function pageKey(refused: string | null = null): Promise<string | null> {
  key ??= stored();
  if (key !== null && KEY.test(key) && key !== refused) return key;
  const other = await askOtherTabs(refused);
  if (other !== null) keep(other);
  return other ?? key;
}

/** Whether the host takes cookie and key of this page: null while it cannot be reached or is too busy to say. */
export async function isLetIn(given: string | null): Promise<boolean | null> {
  try {
    const response = await fetch('/rpc/session', { headers: { 'x-nibble-key': given ?? '' } });
    if (response.ok) return true;
    return response.status === 401 || response.status === 403 ? false : null;
  } catch {
    return null;
  }
}
