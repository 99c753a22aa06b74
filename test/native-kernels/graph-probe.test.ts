// graph_probe, the program that tries models on devices. No GPU is needed: ONNX Runtime's kernels for processors stand in
// for one, and a driver that is compiled here fails in every way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensureGraph } from '../../app/run/index.ts';
import {
  libraryPath,
  probeGpus,
  probeGraph,
  type GraphProbeStep,
  type ProbedDevice,
} from '../../native-kernels/index.ts';
import { buildFakeDrivers } from '../fixtures/fake-driver/build.ts';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';
import { WAIT_MS } from '../fixtures/wait.ts';

const drivers = await buildFakeDrivers();
const { hasKernels } = await probeGpus();
const CONTEXT = 256;

let directory: string;
let processorGraph: string;
let standard: ProbedDevice;
let cuda: ProbedDevice;

beforeAll(async () => {
  const folder = await scratchFolder();
  await writeTinyCheckpoint(path.join(folder, 'original'), {});
  directory = path.join(folder, 'nf4');
  await quantizeFolder(path.join(folder, 'original'), directory, 'nf4');
  const made = { activations: 'F32', tables: 'levels', contextLength: CONTEXT } as const;
  const own = await ensureGraph(directory);
  processorGraph = own.graphPath;
  const { graphPath } = await ensureGraph(directory, 'fast', () => made);
  standard = { device: 'standard-cpu', graph: graphPath };
  cuda = { device: 'cuda', plan: await own.cudaText(), directory };
});

afterEach(() => {
  delete process.env['NIBBLE_CUDA_DRIVER'];
  delete process.env['NIBBLE_FAKE_DRIVER'];
});

const options = { contextLength: CONTEXT, threads: 1 };

describe('trying a model', () => {
  it('times and compares both, and says how far it is', async () => {
    const steps: GraphProbeStep[] = [];
    const onStep = (step: GraphProbeStep): void => void steps.push(step);
    const probe = await probeGraph({ ...options, on: standard, processorGraph, onStep });
    expect(probe.error).toBeNull();
    expect(probe.device?.decodeRate).toBeGreaterThan(0);
    expect(probe.processor?.prefillRate).toBeGreaterThan(0);
    expect(Math.abs(probe.divergence ?? 1)).toBeLessThan(0.01);
    const turn = (on: string) => [1, 2, 3, 4, 5].map((done) => ({ on, done, total: 5 }));
    expect(steps).toEqual([...turn('device'), ...turn('processor')]);
  });

  it('only compares with a processor whose speed is known', async () => {
    const timed = { ...options, timesProcessor: false };
    const probe = await probeGraph({ ...timed, on: standard, processorGraph });
    expect(probe).toMatchObject({ error: null, processor: null });
    expect(Math.abs(probe.divergence ?? 1)).toBeLessThan(0.01);
  });

  it('that has no such graph is an answer, not the end of this process', async () => {
    const on = { device: 'standard-cpu', graph: processorGraph } as const;
    const { error } = await probeGraph({ ...options, on, processorGraph });
    expect(error).toMatchObject({ code: 'malformed-file', detail: null });
  });

  it('ends after the time it has', async () => {
    const probe = await probeGraph({ ...options, on: standard, processorGraph, timeoutMs: 1 });
    expect(probe.error).toEqual({
      code: 'kernel-failed',
      message: 'the GPU did not finish within 0.001 s',
      detail: null,
    });
  });

  it('on a CUDA device needs a driver', async () => {
    process.env['NIBBLE_CUDA_DRIVER'] = '/nowhere/libcuda.so.1';
    const { error } = await probeGraph({ ...options, on: cuda, processorGraph });
    expect(error?.code).toBe('runtime-unavailable');
  });

  it('that CUDA kernels cannot run says so before a device is looked for', async () => {
    const on = { device: 'cuda', plan: 'file model.safetensors\n', directory } as const;
    const { error } = await probeGraph({ ...options, on, processorGraph });
    expect(error?.code).toBe('unsupported-model');
  });
});

describe.skipIf(drivers === null || !hasKernels)(
  'trying a model on a CUDA device (needs a C compiler and a build with CUDA kernels)',
  () => {
    const { driver = '' } = drivers ?? {};
    const tryWith = async (mode: string, contextLength = CONTEXT) => {
      process.env['NIBBLE_CUDA_DRIVER'] = driver;
      process.env['NIBBLE_FAKE_DRIVER'] = mode;
      return await probeGraph({ ...options, contextLength, on: cuda, processorGraph });
    };

    it('names the kernel that a device cannot start', async () => {
      const { error } = await tryWith('launch');
      expect(error?.code).toBe('kernel-failed');
      expect(error?.message).toMatch(/embed_tokens failed on device 0/);
    });

    it('outlives a driver that ends its process', async () => {
      const { error } = await tryWith('crash');
      expect(error?.code).toBe('kernel-failed');
      expect(error?.message).toMatch(/driver ended the program that tried it \(SIGABRT\)/);
    });

    it('compares logits that the device made up', async () => {
      const probe = await tryWith('zeros');
      expect(probe.error).toBeNull();
      expect(probe.device?.prefillRate).toBeGreaterThan(0);
      expect(probe.divergence).toBeGreaterThan(0);
    });

    it('refuses a context that would not fit beside the weights later on', async () => {
      const { error } = await tryWith('zeros', 2 ** 24);
      expect(error?.code).toBe('out-of-memory');
      expect(error?.message).toMatch(/^a context of 16777216 tokens takes up to \d+ MB beside/);
    });

    it('ends with whoever asked, however the driver hangs', async () => {
      const program = fileURLToPath(
        new URL('../../native-kernels/build/graph_probe', import.meta.url),
      );
      const reached = path.join(await scratchFolder(), 'reached');
      const child = spawn(program, [], {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: {
          ...process.env,
          NIBBLE_CUDA_DRIVER: driver,
          NIBBLE_FAKE_DRIVER: 'hang',
          NIBBLE_FAKE_DRIVER_REACHED: reached,
        },
      });
      const ended = once(child, 'exit');
      const numbers = 'context=256\nthreads=1\nrows=64\nprompt=128\nsteps=16\n';
      const plan = 'plan' in cuda ? cuda.plan.replaceAll(/^(?=.)/gm, 'plan=') : '';
      child.stdin.write(
        `library=${libraryPath()}\non=cuda\ndirectory=${directory}\n${plan}${numbers}\n`,
      );
      await vi.waitUntil(() => existsSync(reached), { timeout: WAIT_MS });
      expect(child.exitCode).toBeNull();
      child.stdin.end();
      expect(await ended).toEqual([1, null]);
    });
  },
);
