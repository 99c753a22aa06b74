import type { MessagePortMain } from 'electron';
import type { AppError } from '../../../app/contract/error.ts';
import type { Port } from '../../../app/contract/rpc.ts';

/**
 * An Electron port as ours. Listen before the next turn of the event loop: messages that arrive then are handed out.
 *
 * @param reason why calls fail once the other end is gone; null where nobody can say
 */
export function portOf(channel: MessagePortMain, reason: () => AppError | null = () => null): Port {
  const port: Port = {
    postMessage: (message) => {
      channel.postMessage(message);
    },
    onMessage: (listener) => {
      channel.on('message', ({ data }: { data: unknown }) => {
        listener(data);
      });
    },
    onClose: (listener) => {
      channel.once('close', () => {
        listener(reason());
      });
    },
  };
  setImmediate(() => {
    channel.start();
  });
  return port;
}
