import type { DeviceTrial, RequestedDevice } from './device.ts';
import type { AppError } from './error.ts';
import type { Client } from './rpc.ts';
import type { LoadedModel, RunnerApi } from './runner-api.ts';
import type { CacheType } from './sampling.ts';

/** How to open a runner; all but the folder as in the runner's `load`. */
export interface OpenRunnerOptions {
  /** The artifact's folder. */
  readonly directory: string;
  /** Where running keeps graphs and measured hashes. @default beside the weights */
  readonly recordsDirectory?: string | undefined;
  /** Tokens that the KV cache can hold. @default what the model was made for */
  readonly contextLength?: number | undefined;
  /** Tokens that the KV cache holds at most, fewer where the model was made for fewer. */
  readonly maxContextLength?: number | undefined;
  /** @default 'fast' */
  readonly mode?: 'fast' | 'exact' | undefined;
  readonly cacheType?: CacheType | undefined;
  readonly threads?: number | undefined;
  /** @default 'cpu' */
  readonly device?: RequestedDevice | undefined;
  /** Whether the runner measures where the time goes. @default false */
  readonly profile?: boolean | undefined;
  /** Ends the opening; an open runner is ended with `close`. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far the trying of devices is, where it is needed before the model can be loaded. */
  readonly onTrial?: ((trial: DeviceTrial) => void) | undefined;
  /** Hears the number of the process as soon as it runs, before it loads: for watching its memory. */
  readonly onStart?: ((pid: number) => void) | undefined;
}

/** A runner in a process of its own, with its model loaded. */
export interface OpenedRunner {
  readonly client: Client<RunnerApi>;
  readonly loaded: LoadedModel;
  /** Resolves when the process is gone, with why: 'aborted' after `close`, else 'runner-crashed'. */
  readonly exited: Promise<AppError>;
  /** Ends the process and gives its memory back; safe to call twice. */
  close(): Promise<void>;
}

/** Forks a runner: what a host gives to the engine, because only hosts may fork. */
export type OpenRunner = (options: OpenRunnerOptions) => Promise<OpenedRunner>;
