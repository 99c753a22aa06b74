import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServedFile } from './scan.ts';
import { sendFile } from './send-file.ts';

/** As long as the Hub's own signed addresses. */
const VALID_MS = 60 * 60 * 1000;

/**
 * The second host, in the place of a content network: knows files by their hash, lets in whoever has a signed address,
 * and refuses anyone who brings a token, as such hosts do.
 */
export class ContentHost {
  readonly #secret = randomBytes(32);
  readonly #files = new Map<string, ServedFile>();

  /** The address of a file, without the host. */
  sign(file: ServedFile): string {
    this.#files.set(file.sha256, file);
    const expires = Date.now() + VALID_MS;
    const signature = this.#signature(file.sha256, String(expires)).toString('hex');
    return `/content/${file.sha256}?expires=${expires}&signature=${signature}`;
  }

  /** The name of the file behind a path. @returns null when it is not one of a file */
  fileOf(pathname: string): string | null {
    return this.#files.get(pathname.replace('/content/', ''))?.path ?? null;
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (request.headers.authorization !== undefined)
      return reply.code(400).send('Only one way to sign in is allowed.');
    const url = new URL(request.url, 'http://content');
    const sha256 = url.pathname.replace('/content/', '');
    const expires = url.searchParams.get('expires') ?? '';
    const given = Buffer.from(url.searchParams.get('signature') ?? '', 'hex');
    const expected = this.#signature(sha256, expires);
    const isSigned = given.byteLength === expected.byteLength && timingSafeEqual(given, expected);
    if (!isSigned || !(Number(expires) > Date.now())) return reply.code(403).send('Expired.');
    const file = this.#files.get(sha256);
    if (file === undefined) return reply.code(404).send('Not found.');
    // Content networks make their own tags: not the hash that the hub knows the file by.
    return sendFile(request, reply, file, `"content-${sha256.slice(0, 32)}"`);
  }

  #signature(sha256: string, expires: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${sha256}:${expires}`).digest();
  }
}
