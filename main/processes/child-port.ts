import type { ChildProcess } from 'node:child_process';
import { AppError } from '../../app/contract/error.ts';
import type { Port } from '../../app/contract/rpc.ts';

/** What a forked child says first; not a message of the RPC, whose ends ignore it. */
export const READY = { kind: 'ready' } as const;

/** What a forked child says instead when it cannot begin: `{ kind: FAILED, error }`, the error as it goes over the wire. */
export const FAILED = 'failed';

/**
 * The parent's end of a forked child's channel.
 *
 * @param gone Resolves with the reason once nothing more can come from the child.
 */
export function portToChild(child: ChildProcess, gone: Promise<AppError>): Port {
  return {
    postMessage: (message) => {
      // A child that is gone cannot be told anything; its end rejects what waits for it.
      if (child.connected) child.send(message as object, () => undefined);
    },
    onMessage: (listener) => {
      child.on('message', listener);
    },
    onClose: (listener) => {
      void gone.then(listener);
    },
  };
}

/**
 * A forked process's end of the channel to its parent.
 *
 * @throws AppError `invalid-input` in a process that was not forked
 */
export function portToParent(): Port {
  const send = process.send?.bind(process);
  if (send === undefined)
    throw new AppError('invalid-input', 'This file is started by Nibble itself, not by hand.');
  return {
    postMessage: (message) => {
      if (process.connected) send(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => {
      process.on('message', listener);
    },
    onClose: (listener) => {
      process.once('disconnect', () => {
        listener(null);
      });
    },
  };
}
