import type { Client } from '../contract/rpc.ts';
import type { LoadedModel, RunnerApi } from '../contract/runner-api.ts';

/** How to open a runner; all but the folder as in the runner's `load`. */
export interface OpenRunnerOptions {
  /** The artifact's folder. */
  readonly directory: string;
  /** Tokens that the KV cache can hold. @default what the model was made for */
  readonly contextLength?: number | undefined;
  /** @default 'fast' */
  readonly mode?: 'fast' | 'exact' | undefined;
  readonly cacheType?: 'f32' | 'f16' | undefined;
  readonly threads?: number | undefined;
  /** Ends the opening; an open runner is ended with `close`. */
  readonly signal?: AbortSignal | undefined;
}

/** A runner in a process of its own, with its model loaded. */
export interface OpenedRunner {
  readonly client: Client<RunnerApi>;
  readonly loaded: LoadedModel;
  /** Ends the process and gives its memory back; safe to call twice. */
  close(): Promise<void>;
}

/** Forks a runner: what the host gives to whoever compares, because only hosts may fork. */
export type OpenRunner = (options: OpenRunnerOptions) => Promise<OpenedRunner>;
