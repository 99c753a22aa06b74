import type { MessagePortMain } from 'electron';

/** Ports that arrive on one way while their numbers arrive on another: whichever comes first waits. */
export class PortsByNumber {
  readonly #arrived = new Map<number, MessagePortMain>();
  readonly #awaited = new Map<number, (port: MessagePortMain) => void>();

  put(number: number, port: MessagePortMain): void {
    const waiting = this.#awaited.get(number);
    if (waiting === undefined) this.#arrived.set(number, port);
    else {
      this.#awaited.delete(number);
      waiting(port);
    }
  }

  /** Resolves with the port, once. */
  take(number: number): Promise<MessagePortMain> {
    const port = this.#arrived.get(number);
    this.#arrived.delete(number);
    if (port !== undefined) return Promise.resolve(port);
    return new Promise((resolve) => this.#awaited.set(number, resolve));
  }
}
