import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServedFile } from './scan.ts';

const BLOCK_BYTES = 256 * 1024;

interface Range {
  readonly start: number;
  readonly endExclusive: number;
}

/**
 * Reads a Range header with one range.
 *
 * @returns null when the whole file is to be sent, 'unsatisfiable' when the range lies behind its end
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): Range | null | 'unsatisfiable' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  const from = match?.[1] ?? '';
  const to = match?.[2] ?? '';
  // Several ranges at once may be answered with the whole file; so may a header that makes no sense.
  if (from === '' && to === '') return null;
  if (from === '') {
    const length = Math.min(Number(to), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, endExclusive: sizeBytes };
  }
  const start = Number(from);
  if (start >= sizeBytes) return 'unsatisfiable';
  const endExclusive = to === '' ? sizeBytes : Math.min(Number(to) + 1, sizeBytes);
  return endExclusive > start ? { start, endExclusive } : null;
}

async function* blocks(handle: FileHandle, { start, endExclusive }: Range): AsyncGenerator<Buffer> {
  try {
    for (let position = start; position < endExclusive;) {
      const block = Buffer.alloc(Math.min(BLOCK_BYTES, endExclusive - position));
      const { bytesRead } = await handle.read(block, 0, block.byteLength, position);
      if (bytesRead === 0) throw new Error('The file became shorter while it was served.');
      position += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Settles when the client has gone: what waits for it must not keep the file open. */
function connectionEnd(reply: FastifyReply): Promise<void> {
  return new Promise((resolve) => {
    if (reply.raw.destroyed) resolve();
    else reply.raw.once('close', resolve);
  });
}

/** Answers GET and HEAD for a file, with ranges, If-Range and an ETag. */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: ServedFile,
  etag: string,
): Promise<FastifyReply> {
  const ifRange = request.headers['if-range'];
  const isSame = ifRange === undefined || ifRange === etag;
  const asked = isSame ? request.headers.range : undefined;
  const range = parseRange(asked, file.sizeBytes);
  void reply.header('etag', etag).header('accept-ranges', 'bytes');
  void reply.type(file.path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
  if (range === 'unsatisfiable')
    return reply.code(416).header('content-range', `bytes */${file.sizeBytes}`).send();
  const { start, endExclusive } = range ?? { start: 0, endExclusive: file.sizeBytes };
  if (range !== null)
    void reply
      .code(206)
      .header('content-range', `bytes ${start}-${endExclusive - 1}/${file.sizeBytes}`);
  void reply.header('content-length', endExclusive - start);
  if (request.method === 'HEAD') return reply.send();
  // A link put there since the folder was read must not lead out of it (Windows has no such flag).
  const handle = await open(
    file.absolutePath,
    constants.O_RDONLY | (process.platform === 'win32' ? 0 : constants.O_NOFOLLOW),
  );
  // A client that goes before the first byte leaves a body that nobody ever begins to read, and so none that ends.
  void connectionEnd(reply).then(() => handle.close());
  return reply.send(Readable.from(blocks(handle, { start, endExclusive }), { objectMode: false }));
}
