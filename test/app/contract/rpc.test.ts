import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../app/contract/error.ts';
import { connect, method, serve, type Handlers, type Port } from '../../../app/contract/rpc.ts';

const api = {
  double: method({ params: z.object({ value: z.number() }), result: z.number() }),
  count: method({ params: z.object({ to: z.int() }), event: z.int(), result: z.string() }),
  fail: method({ params: z.object({}), result: z.null() }),
  wait: method({ params: z.object({}), result: z.null() }),
  lie: method({ params: z.object({}), result: z.number() }),
} as const;

/** Two ends of a wire that copies every message, as a process boundary does. */
function pair(): {
  near: Port;
  far: Port;
  close: (reason: AppError | null) => void;
  raw: unknown[];
} {
  const raw: unknown[] = [];
  const end = (): {
    port: Port;
    receive: (message: unknown) => void;
    closed: (reason: AppError | null) => void;
    peer: { receive: (message: unknown) => void };
  } => {
    const listeners: ((message: unknown) => void)[] = [];
    const closers: ((reason: AppError | null) => void)[] = [];
    const peer: { receive: (message: unknown) => void } = { receive: () => undefined };
    return {
      peer,
      receive: (message) => {
        for (const listener of listeners) listener(message);
      },
      closed: (reason) => {
        for (const closer of closers) closer(reason);
      },
      port: {
        postMessage: (message) => {
          raw.push(message);
          const copy: unknown = structuredClone(message);
          queueMicrotask(() => {
            peer.receive(copy);
          });
        },
        onMessage: (listener) => listeners.push(listener),
        onClose: (closer) => closers.push(closer),
      },
    };
  };
  const a = end();
  const b = end();
  a.peer.receive = b.receive;
  b.peer.receive = a.receive;
  return {
    near: a.port,
    far: b.port,
    raw,
    close: (reason) => {
      a.closed(reason);
      b.closed(reason);
    },
  };
}

let aborted = 0;
const handlers: Handlers<typeof api> = {
  double: ({ value }) => Promise.resolve(value * 2),
  count: ({ to }, { emit }) => {
    for (let i = 0; i < to; i++) emit(i);
    return Promise.resolve('done');
  },
  fail: () => Promise.reject(new AppError('gated', 'No entry.', { remedy: 'Ask.' })),
  wait: (_params, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted++;
        reject(new AppError('aborted', 'Cancelled.'));
      });
    }),
  lie: () => Promise.resolve('no number' as unknown as number),
};

describe('rpc', () => {
  it('answers calls and streams events in order', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    const client = connect(api, near);
    expect(await client.double({ value: 21 })).toBe(42);
    const seen: number[] = [];
    expect(await client.count({ to: 4 }, { onEvent: (event) => seen.push(event) })).toBe('done');
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('carries an error with its code and remedy', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    await expect(connect(api, near).fail({})).rejects.toMatchObject({
      code: 'gated',
      message: 'No entry.',
      remedy: 'Ask.',
    });
  });

  it('refuses parameters that break the schema, and methods that are not there', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    const client = connect({ ...api, absent: api.double }, near);
    await expect(client.double({ value: 'x' as unknown as number })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(client.absent({ value: 1 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(
      connect({ toString: api.double }, near).toString({ value: 1 }),
    ).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  it('does not pass on a result that breaks its schema', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    await expect(connect(api, near).lie({})).rejects.toMatchObject({ code: 'internal' });
  });

  it('cancels the one call whose signal fires', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    const client = connect(api, near);
    const controller = new AbortController();
    const waiting = client.wait({}, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    expect(await client.double({ value: 1 })).toBe(2);
  });

  it('rejects what is in flight when the port closes, and cancels the other end', async () => {
    const { near, far, close } = pair();
    serve(api, handlers, far);
    const client = connect(api, near);
    const waiting = client.wait({});
    await client.double({ value: 1 });
    const before = aborted;
    close(new AppError('runner-crashed', 'Gone.'));
    await expect(waiting).rejects.toMatchObject({ code: 'runner-crashed' });
    await expect(client.double({ value: 1 })).rejects.toMatchObject({ code: 'runner-crashed' });
    expect(aborted).toBe(before + 1);
  });

  it('ignores messages that are none of its own', async () => {
    const { near, far } = pair();
    serve(api, handlers, far);
    const client = connect(api, near);
    near.postMessage('noise');
    near.postMessage({ kind: 'call' });
    far.postMessage({ kind: 'result', id: 999, result: 1 });
    far.postMessage(null);
    expect(await client.double({ value: 2 })).toBe(4);
  });

  it('tells a host that wants to know of messages that are no requests', async () => {
    const { near, far, raw } = pair();
    const invalid: unknown[] = [];
    serve(api, handlers, far, { onInvalid: (message) => invalid.push(message) });
    const waiting = { kind: 'call', id: 5, method: 'wait', params: {} };
    const messages = ['noise', { kind: 'call' }, waiting, { ...waiting, method: 'double' }];
    for (const message of messages) near.postMessage(message);
    await new Promise(setImmediate);
    expect(invalid).toEqual(['noise', { kind: 'call' }, { ...waiting, method: 'double' }]);
    expect(raw).toHaveLength(messages.length);
  });
});

describe('an error on the wire', () => {
  it('has a stack trace only between processes that ask for it: a page has no use for the paths in it', async () => {
    for (const withStacks of [false, true]) {
      const { near, far, raw } = pair();
      serve(api, handlers, far, { withStacks });
      await expect(connect(api, near).fail({})).rejects.toMatchObject({ code: 'gated' });
      expect(JSON.stringify(raw).includes(import.meta.url.slice(7))).toBe(withStacks);
    }
  });
});
