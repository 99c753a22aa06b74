import { PassThrough, type Readable } from 'node:stream';

/** More than the longest answer: a reader that leaves so much unread has gone away without saying so. */
const MAX_BUFFERED_BYTES = 16 * 2 ** 20;

/** Server-sent events as OpenAI sends them: one JSON document each, and `[DONE]` at the end. */
export class EventStream {
  readonly #stream = new PassThrough();

  /** @param gone called when the reader goes away before the end */
  constructor(gone: () => void) {
    this.#stream.on('close', gone);
    this.#stream.on('error', gone);
  }

  get readable(): Readable {
    return this.#stream;
  }

  send(event: object): void {
    if (this.#stream.destroyed) return;
    if (this.#stream.readableLength + this.#stream.writableLength > MAX_BUFFERED_BYTES)
      this.#stream.destroy();
    else this.#stream.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  end(): void {
    if (!this.#stream.destroyed) this.#stream.end('data: [DONE]\n\n');
  }
}
