import { connect } from 'node:net';

/** Nobody took the connection in time. */
function timeOut(): Error {
  return Object.assign(new Error('The connection timed out.'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
}

/**
 * Opens a connection to a host and closes it again.
 *
 * @returns why it could not be opened, or null
 */
export function connectError(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    // Not the socket's own time-out, which does not count the look-up of the name.
    const timer = setTimeout(() => {
      end(timeOut());
    }, timeoutMs);
    const abort = (): void => {
      end(null);
    };
    const end = (error: Error | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      resolve(error);
    };
    socket.once('connect', () => {
      end(null);
    });
    socket.on('error', end);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
