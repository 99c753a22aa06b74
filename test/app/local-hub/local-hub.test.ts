import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalHub } from '../../../app/local-hub/index.ts';
import { startLocalHub } from '../../../app/local-hub/index.ts';
import { ScratchFolder } from '../../fixtures/hub-model.ts';

const NAME = 'maker/model';
const WEIGHTS = Buffer.from('0123456789'.repeat(100));
const folder = new ScratchFolder();
const inside = folder.join('inside');
let hub: LocalHub;

/** Sends a path as it is: fetch would tidy it up first. */
function raw(path: string, host?: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(hub.endpoint);
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, path, ...(host === undefined ? {} : { headers: { host } }) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

function resolve(file: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${hub.endpoint}/${NAME}/resolve/main/${file}`, { headers, redirect: 'manual' });
}

beforeAll(async () => {
  mkdirSync(`${inside}/deep`, { recursive: true });
  writeFileSync(folder.join('secret.txt'), 'secret');
  writeFileSync(`${inside}/.hidden`, 'secret');
  writeFileSync(`${inside}/config.json`, '{"a":1}');
  writeFileSync(`${inside}/deep/file.txt`, 'deep');
  writeFileSync(`${inside}/model.safetensors`, WEIGHTS);
  symlinkSync(folder.join('secret.txt'), `${inside}/link.txt`);
  symlinkSync(folder.directory, `${inside}/up`);
  hub = await startLocalHub({ repositories: { [NAME]: { directory: inside } }, pageSize: 2 });
});

afterAll(async () => {
  await hub.close();
  folder[Symbol.dispose]();
});

describe('the local hub', () => {
  it('lists files a page at a time, with git’s and the large files’ hashes', async () => {
    const files = new Map<string, { oid: string; lfs?: { oid: string } }>();
    let url: string | undefined = `${hub.endpoint}/api/models/${NAME}/tree/main?recursive=true`;
    let pages = 0;
    while (url !== undefined) {
      const response: Response = await fetch(url);
      const page = (await response.json()) as { path: string; oid: string }[];
      for (const entry of page) files.set(entry.path, entry);
      url = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      pages++;
    }
    expect(pages).toBe(2);
    expect([...files.keys()].sort()).toEqual([
      'config.json',
      'deep',
      'deep/file.txt',
      'model.safetensors',
    ]);
    expect(files.get('config.json')?.oid).toBe(
      createHash('sha1').update('blob 7\0{"a":1}').digest('hex'),
    );
    expect(files.get('model.safetensors')?.lfs?.oid).toBe(
      createHash('sha256').update(WEIGHTS).digest('hex'),
    );
  });

  it('serves small files itself and sends large ones to the second host', async () => {
    const small = await resolve('config.json');
    expect(await small.text()).toBe('{"a":1}');
    expect(small.headers.get('x-repo-commit')).toMatch(/^[0-9a-f]{40}$/);
    const large = await resolve('model.safetensors');
    expect(large.status).toBe(302);
    expect(large.headers.get('x-linked-size')).toBe('1000');
    expect(large.headers.get('x-linked-etag')).toBe(
      `"${createHash('sha256').update(WEIGHTS).digest('hex')}"`,
    );
    const location = large.headers.get('location') ?? '';
    expect(location.startsWith(hub.contentEndpoint)).toBe(true);
    expect(Buffer.from(await (await fetch(location)).arrayBuffer())).toEqual(WEIGHTS);
    expect((await fetch(location.replace(/.$/, 'x'))).status).toBe(403);
    expect((await fetch(location, { headers: { authorization: 'Bearer x' } })).status).toBe(400);
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/1000'],
    ['bytes=995-', 206, '56789', 'bytes 995-999/1000'],
    ['bytes=-3', 206, '789', 'bytes 997-999/1000'],
    ['bytes=998-5000', 206, '89', 'bytes 998-999/1000'],
    ['bytes=1000-', 416, '', 'bytes */1000'],
    ['bytes=4-2', 200, WEIGHTS.toString(), null],
    ['bytes=0-1,3-4', 200, WEIGHTS.toString(), null],
  ])('answers the range %s', async (range, status, body, contentRange) => {
    const { headers } = await resolve('model.safetensors');
    const response = await fetch(headers.get('location') ?? '', { headers: { range } });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(await response.text()).toBe(body);
  });

  it('answers a range only while the content is the same', async () => {
    const etag = (await resolve('config.json')).headers.get('etag') ?? '';
    const range = { range: 'bytes=1-2' };
    expect((await resolve('config.json', { ...range, 'if-range': etag })).status).toBe(206);
    expect((await resolve('config.json', { ...range, 'if-range': '"other"' })).status).toBe(200);
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${hub.endpoint}/${NAME}/resolve/main/config.json`, {
      method: 'HEAD',
    });
    expect(response.headers.get('content-length')).toBe('7');
    expect(await response.text()).toBe('');
  });

  it.each([
    `/${NAME}/resolve/main/../../../secret.txt`,
    `/${NAME}/resolve/main/..%2f..%2fsecret.txt`,
    `/${NAME}/resolve/main/%2e%2e/secret.txt`,
    `/${NAME}/resolve/main/..\\secret.txt`,
    `/${NAME}/resolve/main/${encodeURIComponent('/etc/passwd')}`,
    `/${NAME}/resolve/main/link.txt`,
    `/${NAME}/resolve/main/up/secret.txt`,
    `/${NAME}/resolve/main/.hidden`,
    `/${NAME}/resolve/main/deep`,
    `/${NAME}/resolve/main/%E0%A4%A`,
    `/content/..%2fsecret.txt`,
    `//evil/${NAME}`,
    '/',
  ])('serves nothing for %s', async (path) => {
    const { status, text } = await raw(path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain('secret"');
    expect(text).not.toBe('secret');
  });

  it('answers only under its own address', async () => {
    expect((await raw('/api/models', 'evil.example')).status).toBe(403);
    expect((await raw('/api/models')).status).toBe(200);
  });

  it('names the same commit for the same contents and another one for others', async () => {
    const commit = async (): Promise<unknown> => {
      const response = await fetch(`${hub.endpoint}/api/models/${NAME}/revision/main`);
      return ((await response.json()) as { sha: unknown }).sha;
    };
    const before = await commit();
    expect(await commit()).toBe(before);
    writeFileSync(`${inside}/deep/file.txt`, 'changed');
    expect(await commit()).not.toBe(before);
    expect((await resolve('deep/file.txt')).status).toBe(200);
    const old = await fetch(`${hub.endpoint}/${NAME}/resolve/${String(before)}/config.json`);
    expect(old.headers.get('x-error-code')).toBe('RevisionNotFound');
  });
});
