import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWebHost, type WebHost } from '../../../main/web/start-web-host.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writePage } from '../../fixtures/web-session.ts';

let host: WebHost;
beforeAll(async () => {
  const rendererDirectory = await scratchFolder();
  await writePage(rendererDirectory);
  const unused = (): never => {
    throw new Error('no request gets as far as the engine');
  };
  host = await startWebHost({
    // A request that never arrives whole reaches no engine.
    engine: {
      client: new Proxy({}, { get: () => unused }) as never,
      onRestart: () => () => undefined,
    },
    rendererDirectory,
    version: '9.9.9',
    port: 0,
    requestTimeoutMs: 1,
  });
});
afterAll(() => host.close());

describe('a request that does not arrive whole within its time', () => {
  const start = (path: string, more: string): string =>
    `${path} HTTP/1.1\r\nHost: 127.0.0.1:${host.port}\r\n${more}`;

  // Looked for every second; Node's own half minute between two looks made 88 s of the 30 that are promised.
  it.each([
    ['head', () => start('GET /', '')],
    [
      'body for the API',
      () =>
        start(
          'POST /v1/chat/completions',
          `Authorization: Bearer ${host.token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
        ),
    ],
    [
      'body in chunks',
      () =>
        start(
          'POST /v1/chat/completions',
          `Authorization: Bearer ${host.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{`,
        ),
    ],
  ])(
    'is answered 408 and cut off: a slow %s',
    async (_what, words) => {
      const socket = connect(host.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(words());
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
    },
    10_000,
  );
});
