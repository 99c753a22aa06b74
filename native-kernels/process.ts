import { loadAddon } from './addon.ts';

interface ProcessAddon {
  /** Not in a build from before there was this function, which lacks nothing else that is called here. */
  endWithParent?(parent: number, graceMs: number, forkedByMainThread: boolean): void;
}

export interface ParentWatch {
  /** The process with which this one ends. */
  readonly parent: number;
  /** How long this one may take to end by itself then. @default 0 */
  readonly graceMs?: number | undefined;
  /** True only where `parent` itself has forked this process, on its main thread. */
  readonly forkedByMainThread: boolean;
}

/**
 * Has the system end this process as soon as another one is gone, whatever it is doing: also when JavaScript runs for
 * ever (addon/parent_watch.h). Call it once, early.
 *
 * @throws `invalid-input` where `parent` cannot be another process
 */
export function endWithParent({ parent, graceMs = 0, forkedByMainThread }: ParentWatch): void {
  (loadAddon() as ProcessAddon).endWithParent?.(parent, graceMs, forkedByMainThread);
}
