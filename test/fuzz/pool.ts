// Gives inputs to child processes and judges what comes of each.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Job, Outcome } from './child.ts';

const child = fileURLToPath(new URL('./child.ts', import.meta.url));

export interface Limits {
  /** An input that takes longer is a hang. */
  readonly hangMs: number;
  /** An input that takes more memory than this, beyond what the process had, is a finding. */
  readonly memoryBytes: number;
  /** Inputs of a process before a fresh one follows. */
  readonly inputs: number;
}

export const LIMITS: Limits = { hangMs: 5_000, memoryBytes: 500 * 1024 * 1024, inputs: 200 };

export type Verdict =
  | { readonly kind: 'fine'; readonly code: string | null }
  | {
      readonly kind: 'crash' | 'hang' | 'memory' | 'codeless';
      readonly detail: string;
    };

export interface WorkerOptions {
  readonly corpus: string;
  /** Its own folder, for one input at a time. */
  readonly directory: string;
  readonly limits: Limits;
  readonly env?: Readonly<Record<string, string>>;
}

/** One child process at a time, renewed when it died or has had its share of inputs. */
export class FuzzWorker {
  readonly #options: WorkerOptions;
  #child: ChildProcess | null = null;
  #given = 0;
  #stderr = '';

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  async #ready(): Promise<ChildProcess> {
    if (this.#child !== null && this.#given < this.#options.limits.inputs) return this.#child;
    this.close();
    const { corpus, directory, env } = this.#options;
    const process_ = fork(child, [corpus, directory], {
      execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#stderr = '';
    process_.stderr?.on('data', (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString()).slice(-20_000);
    });
    await once(process_, 'message');
    this.#child = process_;
    this.#given = 0;
    return process_;
  }

  /** Has one input examined. */
  async examine(job: Job): Promise<Verdict> {
    const process_ = await this.#ready();
    this.#given++;
    const { hangMs, memoryBytes } = this.#options.limits;
    return new Promise((resolve) => {
      const end = (verdict: Verdict, isOver: boolean): void => {
        clearTimeout(timer);
        process_.removeAllListeners('message').removeAllListeners('close');
        if (isOver) this.close();
        resolve(verdict);
      };
      const timer = setTimeout(() => {
        end({ kind: 'hang', detail: `no answer within ${hangMs} ms` }, true);
      }, hangMs);
      process_.on('message', (outcome: Outcome) => {
        const { code, message, grownBytes } = outcome;
        if (code === 'internal') end({ kind: 'codeless', detail: message }, false);
        else if (grownBytes > memoryBytes)
          end({ kind: 'memory', detail: `${Math.round(grownBytes / 2 ** 20)} MB` }, true);
        else end({ kind: 'fine', code }, false);
      });
      // 'close' and not 'exit': what the process said last is complete then.
      process_.on('close', (status, signal) => {
        const detail = `exit ${String(status ?? signal)}\n${this.#stderr}`;
        end({ kind: 'crash', detail }, true);
      });
      process_.send(job);
    });
  }

  close(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

/**
 * Examines an input again in a fresh process, with twice the time: a busy machine is no hang, and what other inputs have
 * left behind in a process is no growth.
 */
export async function confirm(options: WorkerOptions, job: Job): Promise<Verdict> {
  const limits = { ...options.limits, hangMs: 2 * options.limits.hangMs };
  const worker = new FuzzWorker({ ...options, limits });
  try {
    return await worker.examine(job);
  } finally {
    worker.close();
  }
}

export const workerFolder = (root: string, index: number): string =>
  path.join(root, `worker-${index}`);
