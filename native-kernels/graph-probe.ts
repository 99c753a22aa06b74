import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { builtProgram } from './packed.ts';
import { libraryPath, type GraphDevice } from './runtime.ts';

/** How fast a graph was computed. */
export interface GraphRates {
  readonly loadMs: number;
  /** Tokens a second of a prompt, and of an answer. */
  readonly prefillRate: number;
  readonly decodeRate: number;
}

/** What became of computing one model on a device and on the processor. */
export interface GraphProbe {
  /** Why the device did not compute it; null when it did. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly processor: GraphRates | null;
  readonly device: GraphRates | null;
  /** Mean Kullback-Leibler divergence of the device's next tokens from the processor's, in nats; null: no numbers. */
  readonly divergence: number | null;
}

export interface GraphProbeOptions {
  /** Graph of the device, and the same model's in our dialect. */
  readonly deviceGraph: string;
  readonly processorGraph: string;
  readonly device: Exclude<GraphDevice, 'cpu'>;
  /** Positions of the context that the device is given, as it will be asked for afterwards. */
  readonly contextLength: number;
  readonly threads: number;
  /** How long it may take. @default 3 minutes: a large model is read twice, and shaders are compiled */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 180_000;

/** Rows that are compared: enough that kernels for many tokens are at work. */
const ROWS = 64;

/** Tokens of the prompt and of the answer that are timed. */
const PROMPT = 128;
const STEPS = 16;

/** A program that prints more than a line is not ours. */
const MOST_OUTPUT = 64 * 1024;

function failed(code: string, message: string): GraphProbe {
  return { error: { code, message }, processor: null, device: null, divergence: null };
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
    );
  return {
    error: null,
    processor: ratesOf(fields.processor),
    device: ratesOf(fields.device),
    divergence: numberOf(fields.divergence),
  };
}

interface Ended {
  readonly output: string;
  readonly isSilent: boolean;
  readonly how: string;
}

function run(program: string, orders: string, timeoutMs: number): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'ignore'] });
    let output = '';
    let isSilent = false;
    const timer = setTimeout(() => {
      isSilent = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (how: string): void => {
      clearTimeout(timer);
      resolve({ output, isSilent, how });
    };
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      if (output.length < MOST_OUTPUT) output += text;
    });
    child.on('error', (error) => {
      end(error.message);
    });
    child.on('close', (code, signal) => {
      end(signal === null ? `exit code ${code ?? 'unknown'}` : signal);
    });
    // It may be gone before it has read: how it ended says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(orders);
  });
}

/**
 * Computes a model on a device and on the processor, in a process of its own: a broken driver costs that process and not
 * this one. Never rejects.
 */
export async function probeGraph(options: GraphProbeOptions): Promise<GraphProbe> {
  const program = builtProgram('graph_probe');
  if (!existsSync(program))
    return failed(
      'runtime-unavailable',
      'the program that tries GPUs is missing; run: npm run setup',
    );
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const orders = {
    library: libraryPath(),
    device: options.deviceGraph,
    processor: options.processorGraph,
    on: options.device,
    context: options.contextLength,
    threads: options.threads,
    rows: Math.min(ROWS, options.contextLength),
    prompt: Math.max(1, Math.min(PROMPT, options.contextLength - STEPS)),
    steps: STEPS,
  };
  const lines = Object.entries(orders).map(([name, value]) => `${name}=${value}\n`);
  const { output, isSilent, how } = await run(program, lines.join(''), timeoutMs);
  if (isSilent)
    return failed('kernel-failed', `the GPU did not finish within ${timeoutMs / 1000} s`);
  try {
    return probeOf(JSON.parse(output));
  } catch {
    return failed('kernel-failed', `the GPU's driver ended the program that tried it (${how})`);
  }
}
