import type { Port } from '../../app/contract/rpc.ts';

/** Not a message of the RPC, whose ends ignore it. */
const ALIVE = { kind: 'alive' } as const;

/** Often enough to be heard many times before anyone loses patience, seldom enough to cost nothing. */
const BEAT_MS = 1_000;

/**
 * How long a runner may be silent. None of its work holds its event loop for longer than some seconds, also not on a
 * computer that is short of memory; a template or a tokenizer that runs for ever does.
 */
export const SILENCE_LIMIT_MS = 30_000;

/** As for a runner, with more patience: with an engine end its jobs (which can be resumed) and all loaded models. */
export const ENGINE_SILENCE_LIMIT_MS = 60_000;

/** Shows the other end of a port, every second, that the event loop of this process still turns. */
export function sendHeartbeats(port: Pick<Port, 'postMessage'>): void {
  setInterval(() => {
    port.postMessage(ALIVE);
  }, BEAT_MS).unref();
}

/**
 * Calls `onSilent`, once, when nothing has come through a port for `limitMs`. Time in which this process itself did not
 * run (the computer slept, or it was busy) does not count: every turn of its event loop counts as one beat at most.
 *
 * @returns ends the listening
 */
export function watchHeartbeats(
  port: Pick<Port, 'onMessage'>,
  limitMs: number,
  onSilent: () => void,
): () => void {
  let silentMs = 0;
  port.onMessage(() => {
    silentMs = 0;
  });
  const beatMs = Math.min(BEAT_MS, limitMs);
  const timer = setInterval(() => {
    silentMs += beatMs;
    if (silentMs < limitMs) return;
    clearInterval(timer);
    onSilent();
  }, beatMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
