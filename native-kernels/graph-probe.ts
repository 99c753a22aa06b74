import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { builtProgram } from './packed.ts';
import { libraryPath, type GraphDevice } from './runtime.ts';

/** How fast a graph was computed. */
export interface GraphRates {
  readonly loadMs: number;
  /** Tokens a second of a prompt, and of an answer. */
  readonly prefillRate: number;
  readonly decodeRate: number;
}

/** Why a device did not compute a model. */
export interface GraphFailure {
  readonly code: string;
  readonly message: string;
  /** `half-precision`: it has no 16-bit arithmetic, and the same graph in 32 bits may run there. */
  readonly detail: 'half-precision' | null;
}

/** What became of computing one model on a device and on the processor. */
export interface GraphProbe {
  /** Null when the device did it. */
  readonly error: GraphFailure | null;
  /** Null where it was not to be timed, too. */
  readonly processor: GraphRates | null;
  readonly device: GraphRates | null;
  /** Mean Kullback-Leibler divergence of the device's next tokens from the processor's, in nats; null: no numbers. */
  readonly divergence: number | null;
}

/** Where a model is to be tried, and what is computed there. */
export type ProbedDevice =
  | { readonly device: Exclude<GraphDevice, 'cpu'>; readonly graph: string }
  /** A decoder on a CUDA device: its plan and the folder of its weights, as `Model.openOnCuda` takes them. */
  | { readonly device: 'cuda'; readonly plan: string; readonly directory: string };

/** A step that is done: loading, the comparison, and each of the runs that are timed. */
export interface GraphProbeStep {
  readonly on: 'device' | 'processor';
  readonly done: number;
  readonly total: number;
}

export interface GraphProbeOptions {
  readonly on: ProbedDevice;
  /** The same model's graph of our operators. */
  readonly processorGraph: string;
  /** The folder of the files that hold the weights of the graphs. @default that of each graph */
  readonly weightsFolder?: string | undefined;
  /** Whether the processor is timed too, or only compared with. @default true */
  readonly timesProcessor?: boolean;
  /** Positions of the context that the device is given, as it will be asked for afterwards. */
  readonly contextLength: number;
  readonly threads: number;
  /** How long it may take. @default 3 minutes: a large model is read twice, and shaders are compiled */
  readonly timeoutMs?: number;
  readonly onStep?: ((step: GraphProbeStep) => void) | undefined;
}

const TIMEOUT_MS = 180_000;

/** Rows that are compared: enough that kernels for many tokens are at work. */
const ROWS = 64;

/** Tokens of the prompt and of the answer that are timed. */
const PROMPT = 128;
const STEPS = 16;

/** A program that prints more than some lines is not ours. */
const MOST_OUTPUT = 64 * 1024;

function failed(code: string, message: string, detail: GraphFailure['detail'] = null): GraphProbe {
  return { error: { code, message, detail }, processor: null, device: null, divergence: null };
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function ratesOf(value: unknown): GraphRates | null {
  if (typeof value !== 'object' || value === null) return null;
  const fields: Partial<Record<keyof GraphRates, unknown>> = value;
  const [loadMs, prefillRate, decodeRate] = [
    numberOf(fields.loadMs),
    numberOf(fields.prefillRate),
    numberOf(fields.decodeRate),
  ];
  return loadMs === null || prefillRate === null || decodeRate === null
    ? null
    : { loadMs, prefillRate, decodeRate };
}

function probeOf(value: unknown): GraphProbe {
  if (typeof value !== 'object' || value === null) throw new TypeError('no object');
  const fields: Partial<Record<keyof GraphProbe, unknown>> = value;
  const { error } = fields;
  if (typeof error === 'object' && error !== null)
    return failed(
      'code' in error && typeof error.code === 'string' ? error.code : 'internal',
      'message' in error && typeof error.message === 'string' ? error.message : 'no reason given',
      'detail' in error && error.detail === 'half-precision' ? error.detail : null,
    );
  return {
    error: null,
    processor: ratesOf(fields.processor),
    device: ratesOf(fields.device),
    divergence: numberOf(fields.divergence),
  };
}

/** @returns null for a line that is the outcome */
function stepOf(value: unknown): GraphProbeStep | null {
  if (typeof value !== 'object' || value === null) return null;
  const { on, done, total }: Partial<Record<keyof GraphProbeStep, unknown>> = value;
  if ((on !== 'device' && on !== 'processor') || typeof done !== 'number') return null;
  return typeof total === 'number' ? { on, done, total } : null;
}

interface Ended {
  /** What the program found out; null when it ended before. */
  readonly outcome: GraphProbe | null;
  readonly isSilent: boolean;
  readonly how: string;
}

function run(
  program: string,
  orders: string,
  timeoutMs: number,
  onStep: (step: GraphProbeStep) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'ignore'] });
    let outcome: GraphProbe | null = null;
    let length = 0;
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (how: string): void => {
      clearTimeout(timer);
      resolve({ outcome, isSilent, how });
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      length += line.length;
      if (length > MOST_OUTPUT) {
        child.kill('SIGKILL');
        return;
      }
      try {
        const value: unknown = JSON.parse(line);
        const step = stepOf(value);
        if (step === null) outcome = probeOf(value);
        else onStep(step);
      } catch {
        // Drivers print where they like.
      }
    });
    child.on('error', (error) => {
      end(error.message);
    });
    child.on('close', (code, signal) => {
      end(signal === null ? `exit code ${code ?? 'unknown'}` : signal);
    });
    // It may be gone before it has read: how it ended says why.
    child.stdin.on('error', () => undefined);
    // Left open: when this process is gone, its end tells the program to end as well.
    child.stdin.write(orders);
  });
}

function deviceOrders(on: ProbedDevice): [string, string][] {
  if (on.device !== 'cuda') return [['device', on.graph]];
  const lines = on.plan.split('\n').filter((line) => line !== '');
  return [['directory', on.directory], ...lines.map((line): [string, string] => ['plan', line])];
}

/**
 * Computes a model on a device and on the processor, in a process of its own: a broken driver costs that process and not
 * this one. The process ends with this one. Never rejects.
 */
export async function probeGraph(options: GraphProbeOptions): Promise<GraphProbe> {
  const program = builtProgram('graph_probe');
  if (!existsSync(program))
    return failed(
      'runtime-unavailable',
      'the program that tries GPUs is missing; run: npm run setup',
    );
  const { on, contextLength, threads, timeoutMs = TIMEOUT_MS } = options;
  const orders: [string, string | number][] = [
    ['library', libraryPath()],
    ['on', on.device],
    ...deviceOrders(on),
    ['processor', options.processorGraph],
    ['weights', options.weightsFolder ?? ''],
    ['time', options.timesProcessor === false ? 'device' : 'both'],
    ['context', contextLength],
    ['threads', threads],
    ['rows', Math.min(ROWS, contextLength)],
    ['prompt', Math.max(1, Math.min(PROMPT, contextLength - STEPS))],
    ['steps', STEPS],
  ];
  const lines = orders.map(([name, value]) => `${name}=${value}\n`);
  const { outcome, isSilent, how } = await run(program, `${lines.join('')}\n`, timeoutMs, (step) =>
    options.onStep?.(step),
  );
  if (isSilent)
    return failed('kernel-failed', `the GPU did not finish within ${timeoutMs / 1000} s`);
  return (
    outcome ?? failed('kernel-failed', `the GPU's driver ended the program that tried it (${how})`)
  );
}
