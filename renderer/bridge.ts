/**
 * The one file that talks to the outside: the engine and the host, over WebSockets in a browser and over message ports
 * in Electron. Everything else in the renderer imports `engine` and `host` from here.
 */
import { AppError } from '../app/contract/error.ts';
import { engineApi } from '../app/contract/engine-api.ts';
import { hostApi } from '../app/contract/host-api.ts';
import { connect, type Api, type Client, type Port } from '../app/contract/rpc.ts';
import { isLetIn, pageKey, takeKeyFromAddress } from './page-key.ts';

takeKeyFromAddress();

type EndpointName = 'engine' | 'host';
/** What the preload script of the Electron shell exposes. */
interface NibbleWindow {
  readonly nibble?: { connect(name: EndpointName): void };
}

/** First and longest wait before a lost connection is tried again, in ms: a restarted engine is up within a second. */
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 4000;

/** An expired link is looked at again, in ms: the person may have opened the new address in another tab. */
const EXPIRED_RETRY_MS = 5000;

/** A lost connection is not told to the person before this, in ms: most come back sooner. */
const PATIENCE_MS = 600;

/** The host is there and does not take the key of this page: it was renewed, or this tab never had one. */
class LinkExpired extends Error {}

/** The key that the host refused last; another tab may have been given a newer one since. */
let refusedKey: string | null = null;

async function openSocket(name: EndpointName): Promise<Port> {
  const key = await pageKey(refusedKey);
  try {
    // Without a key there is nothing to try: a refused socket would only fill the console.
    if (key !== null && key !== refusedKey) return await openSocketWith(name, key);
  } catch (error) {
    if ((await isLetIn(key)) !== false) throw error;
  }
  refusedKey = key;
  throw new LinkExpired();
}

function openSocketWith(name: EndpointName, key: string): Promise<Port> {
  return new Promise((resolve, reject) => {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/rpc/${name}`, ['nibble', key]);
    const lost = (): AppError =>
      new AppError('network', 'The connection to Nibble was lost.', {
        remedy: 'It is tried again on its own; check that Nibble still runs.',
      });
    socket.addEventListener('open', () => {
      resolve({
        postMessage: (message) => {
          socket.send(JSON.stringify(message));
        },
        onMessage: (listener) => {
          socket.addEventListener('message', (event) => {
            if (typeof event.data !== 'string') return;
            let message: unknown;
            try {
              message = JSON.parse(event.data);
            } catch {
              return;
            }
            listener(message);
          });
        },
        onClose: (listener) => {
          socket.addEventListener('close', () => {
            listener(lost());
          });
        },
      });
    });
    socket.addEventListener('close', () => {
      reject(lost());
    });
  });
}

function engineRestarted(): AppError {
  return new AppError('engine-restarted', 'The engine ended and is being started again.', {
    remedy: 'Work that was running can be resumed under Jobs.',
  });
}

/** The preload answers `connect` with a window message that carries the port. */
function openMessagePort(
  name: EndpointName,
  shell: Required<NibbleWindow>['nibble'],
): Promise<Port> {
  return new Promise((resolve) => {
    const receive = (event: MessageEvent<unknown>): void => {
      const port = event.ports[0];
      if (event.source !== window || event.data !== `nibble-port:${name}` || port === undefined)
        return;
      window.removeEventListener('message', receive);
      resolve({
        postMessage: (message) => {
          port.postMessage(message);
        },
        onMessage: (listener) => {
          port.addEventListener('message', (message) => {
            listener(message.data);
          });
          port.start();
        },
        onClose: (listener) => {
          port.addEventListener('close', () => {
            // A port of the shell ends only with the engine behind it.
            listener(engineRestarted());
          });
        },
      });
    };
    window.addEventListener('message', receive);
    shell.connect(name);
  });
}

function openPort(name: EndpointName): Promise<Port> {
  const shell = (window as Window & NibbleWindow).nibble;
  return shell === undefined ? openSocket(name) : openMessagePort(name, shell);
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** `expired`: Nibble is there, and this tab's link to it is not valid any more. */
export type ConnectionState = 'connected' | 'connecting' | 'lost' | 'expired';

/** A connection that comes back: calls wait for it, calls in flight when it breaks are rejected. */
class Connection<A extends Api> {
  readonly client: Client<A>;
  readonly #name: EndpointName;
  readonly #api: A;
  #current: Promise<Client<A>> | null = null;
  #state: ConnectionState = 'connecting';
  readonly #listeners = new Set<() => void>();

  constructor(name: EndpointName, api: A) {
    this.#name = name;
    this.#api = api;
    const methods = Object.keys(api).map((method) => [
      method,
      async (...args: unknown[]): Promise<unknown> => {
        const client = await (this.#current ??= this.#open());
        const call = client[method] as (...args: unknown[]) => Promise<unknown>;
        return call(...args);
      },
    ]);
    this.client = Object.fromEntries(methods) as Client<A>;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #become(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }

  async #open(): Promise<Client<A>> {
    const impatience = setTimeout(() => {
      this.#become('lost');
    }, PATIENCE_MS);
    for (let wait = FIRST_RETRY_MS; ; wait = Math.min(2 * wait, LAST_RETRY_MS)) {
      try {
        const port = await openPort(this.#name);
        clearTimeout(impatience);
        port.onClose(() => {
          this.#become('connecting');
          this.#current = this.#open();
        });
        const client = connect(this.#api, port);
        this.#become('connected');
        return client;
      } catch (error) {
        if (error instanceof LinkExpired) {
          clearTimeout(impatience);
          this.#become('expired');
          await sleep(EXPIRED_RETRY_MS);
        } else {
          if (this.#state === 'expired') this.#become('lost');
          await sleep(wait);
        }
      }
    }
  }
}

const engineConnection = new Connection('engine', engineApi);
const hostConnection = new Connection('host', hostApi);

/** The engine: disk, catalog, jobs, models. */
export const engine = engineConnection.client;
/** The host: dialogs, notifications, what a browser or Electron can do. */
export const host = hostConnection.client;
/** Whether the engine can be reached, for `useSyncExternalStore`. */
export const connection = {
  subscribe: (listener: () => void): (() => void) => engineConnection.subscribe(listener),
  state: (): ConnectionState => engineConnection.state,
};

/**
 * Keeps a watching call alive: begins it, and begins it again whenever it breaks, until the returned function is called.
 */
export function keepWatching(watch: (signal: AbortSignal) => Promise<unknown>): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  void (async () => {
    while (!signal.aborted) {
      try {
        await watch(signal);
      } catch {
        await sleep(FIRST_RETRY_MS);
      }
    }
  })();
  return () => {
    controller.abort();
  };
}
