import type { WebSocket } from '@fastify/websocket';
import { AppError } from '../../app/contract/error.ts';
import type { Port } from '../../app/contract/rpc.ts';

/** WebSocket close codes (RFC 6455, 7.4.1). */
export const closeCodes = { goingAway: 1001, policyViolation: 1008, tryAgainLater: 1013 } as const;

export interface SocketPortOptions {
  /** A socket that has not answered the ping before the last is cut. */
  readonly heartbeatMs: number;
  /** Bytes that may wait for a slow reader before it is cut; it reconnects and asks for the present state. */
  readonly maxBufferedBytes: number;
}

/** A WebSocket as a port of JSON messages. A message that is no JSON text reaches the listener as undefined: none of ours. */
export function socketPort(socket: WebSocket, options: SocketPortOptions): Port {
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, options.heartbeatMs);
  // The heartbeat alone keeps no process running.
  heartbeat.unref();
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('close', () => {
    clearInterval(heartbeat);
  });
  // A broken or oversize frame: ws closes the socket with the right code, and 'close' follows.
  socket.on('error', () => undefined);
  return {
    postMessage: (message) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > options.maxBufferedBytes) {
        socket.close(closeCodes.tryAgainLater, 'too slow');
        // Whoever does not read does not take part in closing either.
        socket.terminate();
        return;
      }
      socket.send(JSON.stringify(message));
    },
    onMessage: (listener) => {
      socket.on('message', (data, isBinary) => {
        // After a refusal the rest of what had arrived is not looked at.
        if (socket.readyState !== socket.OPEN) return;
        listener(isBinary ? undefined : parsed(data));
      });
    },
    onClose: (listener) => {
      socket.once('close', () => {
        listener(new AppError('aborted', 'The window was closed or lost its connection.'));
      });
    },
  };
}

function parsed(data: unknown): unknown {
  try {
    return JSON.parse((data as Buffer).toString('utf8'));
  } catch {
    return undefined;
  }
}
