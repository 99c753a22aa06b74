import type { HostCommand } from '../../app/contract/host-api.ts';

/** Commands for the page. What comes before a page listens (a link that started the app) waits for it. */
export class CommandQueue {
  readonly #listeners = new Set<(command: HostCommand) => void>();
  #waiting: HostCommand[] = [];

  send(command: HostCommand): void {
    if (this.#listeners.size === 0) this.#waiting.push(command);
    else for (const listener of this.#listeners) listener(command);
  }

  /** For pages that listen now: one that opens later sees the present state anyway. */
  announce(command: HostCommand): void {
    for (const listener of this.#listeners) listener(command);
  }

  /** Hands over what waits, then what comes. Returns what ends it. */
  listen(listener: (command: HostCommand) => void): () => void {
    this.#listeners.add(listener);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) listener(command);
    return () => this.#listeners.delete(listener);
  }
}
