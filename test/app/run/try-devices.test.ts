// Trying a model on devices before one is chosen. ONNX Runtime's kernels for processors stand in for a GPU, so real programs
// compute real graphs; a driver that is compiled here stands in for NVIDIA's.
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { DeviceTrial } from '../../../app/contract/device.ts';
import { AppError } from '../../../app/contract/error.ts';
import { readDeviceRecord, TRIED_DEVICES } from '../../../app/run/device-record.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { openModel } from '../../../app/run/load-model.ts';
import { tryDevices, type Candidate } from '../../../app/run/try-devices.ts';
import { sampleModel } from '../../../app/sample/index.ts';
import { probeGpus, probeGraph } from '../../../native-kernels/index.ts';
import { buildFakeDrivers } from '../../fixtures/fake-driver/build.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const CONTEXT = 256;
const drivers = await buildFakeDrivers();
const { hasKernels } = await probeGpus();

afterEach(() => {
  delete process.env['NIBBLE_CUDA_DRIVER'];
  delete process.env['NIBBLE_FAKE_DRIVER'];
});

/** A small model of random weights; the sample where its answers matter. */
async function candidate(changes: Partial<Candidate> = {}, source?: string): Promise<Candidate> {
  const folder = await scratchFolder();
  const directory = path.join(folder, 'nf4');
  if (source === undefined) await writeTinyCheckpoint(path.join(folder, 'original'), {});
  await quantizeFolder(source ?? path.join(folder, 'original'), directory, 'nf4');
  const ready = await ensureGraph(directory);
  return {
    directory,
    recordsDirectory: directory,
    weightsFolder: undefined,
    mode: 'fast',
    contextLength: CONTEXT,
    threads: 1,
    processorGraph: ready.graphPath,
    gpuGraph: async () => {
      const standard = { activations: 'F32', tables: 'levels', contextLength: CONTEXT } as const;
      return (await ensureGraph(directory, 'fast', () => standard)).graphPath;
    },
    cudaText: ready.cudaText,
    // A GPU of ours: what is meant for WebGPU is computed by ONNX Runtime's kernels for processors.
    probe: (options) =>
      probeGraph(
        options.on.device === 'cuda'
          ? options
          : { ...options, on: { ...options.on, device: 'standard-cpu' } },
      ),
    ...changes,
  };
}

describe('trying devices', () => {
  it('measures, compares and keeps', async () => {
    const trials: DeviceTrial[] = [];
    const own = await candidate({ onTrial: (trial) => void trials.push(trial) });
    process.env['NIBBLE_CUDA_DRIVER'] = '/nowhere/libcuda.so.1';
    const record = await tryDevices(own, TRIED_DEVICES);
    const { cuda, webgpu } = record.devices;
    expect(cuda).toMatchObject({ kind: 'failed', code: 'runtime-unavailable' });
    if (webgpu?.kind !== 'measured') throw new Error('nothing was measured');
    expect(webgpu.activations).toBe('F16');
    expect(webgpu.rates.decodeRate).toBeGreaterThan(0);
    expect(record.processor?.prefillRate).toBeGreaterThan(0);
    expect(Math.abs(webgpu.divergence)).toBeLessThan(0.01);
    expect(await readDeviceRecord(own.directory, CONTEXT)).toEqual(record);
    // Without a driver there is nothing to wait for on a CUDA device, and nothing to say.
    expect(trials.map(({ device, done }) => `${device} ${done}`)).toEqual(
      ['webgpu', 'cpu']
        .flatMap((device) => [0, 1, 2, 3, 4].map((done) => `${device} ${done}`))
        .concat('cpu 5'),
    );
    expect(trials.every(({ done, secondsLeft }) => (done === 0) === (secondsLeft === null))).toBe(
      true,
    );
    expect(trials.at(-1)).toMatchObject({ total: 5, secondsLeft: 0 });
    // The record answers now: no program is started again.
    const never = (): never => expect.fail('it was tried twice');
    expect(await tryDevices({ ...own, probe: never }, TRIED_DEVICES)).toEqual(record);
  });

  it('tries 32 bits where a device has no 16-bit arithmetic, and only there', async () => {
    const asked: string[] = [];
    const failing = (detail: 'half-precision' | null): Partial<Candidate> => ({
      gpuGraph: (activations) => {
        asked.push(activations);
        return Promise.resolve(activations);
      },
      probe: () =>
        Promise.resolve({
          error: { code: 'kernel-failed', message: 'no f16', detail },
          processor: null,
          device: null,
          divergence: null,
        }),
    });
    await tryDevices(await candidate(failing('half-precision')), ['webgpu']);
    expect(asked.splice(0)).toEqual(['F16', 'F32']);
    await tryDevices(await candidate(failing(null)), ['webgpu']);
    expect(asked).toEqual(['F16']);
  });

  it('holds against a device that it has no operator for the model, but not that the model is broken', async () => {
    const without = await candidate({
      gpuGraph: () => Promise.reject(new AppError('unsupported-model', 'It has no operator.')),
    });
    expect((await tryDevices(without, ['webgpu'])).devices.webgpu).toMatchObject({
      code: 'unsupported-model',
      message: 'It has no operator',
    });
    const broken = await candidate({
      gpuGraph: async () => (await ensureGraph('/nowhere')).graphPath,
    });
    await expect(tryDevices(broken, ['webgpu'])).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe.skipIf(drivers === null || !hasKernels)(
  'trying a CUDA device (needs a C compiler and a build with CUDA kernels)',
  () => {
    const { driver = '' } = drivers ?? {};

    it.each([
      ['that fails', 'launch', /embed_tokens failed on device 0/],
      ['that crashes', 'crash', /ended the program that asked it/],
    ])('%s refuses it, and the next has its turn', async (_, mode, message) => {
      process.env['NIBBLE_CUDA_DRIVER'] = driver;
      process.env['NIBBLE_FAKE_DRIVER'] = mode;
      const { devices } = await tryDevices(await candidate(), TRIED_DEVICES);
      expect(devices.cuda).toMatchObject({
        kind: 'failed',
        message: expect.stringMatching(message) as string,
      });
      expect(devices.webgpu?.kind).toBe('measured');
    });

    it('that has its turn is compared with the CPU, whose speed is measured once', async () => {
      process.env['NIBBLE_CUDA_DRIVER'] = driver;
      const timed: (boolean | undefined)[] = [];
      const own = await candidate();
      const { gpuGraph } = own;
      // The driver computes nothing, so the CUDA device's part is played by the graph for GPUs, too.
      const probe: typeof probeGraph = async (options) => {
        timed.push(options.timesProcessor);
        const graph = await gpuGraph('F32');
        return await probeGraph({ ...options, on: { device: 'standard-cpu', graph } });
      };
      const { devices, processor } = await tryDevices({ ...own, probe }, TRIED_DEVICES);
      expect(timed).toEqual([true, false]);
      expect(devices.cuda?.kind).toBe('measured');
      expect(devices.webgpu?.kind).toBe('measured');
      expect(processor).not.toBeNull();
    });

    it('that computes something else is refused, and the CPU answers', async () => {
      process.env['NIBBLE_CUDA_DRIVER'] = driver;
      process.env['NIBBLE_FAKE_DRIVER'] = 'zeros';
      const { directory } = await candidate({}, sampleModel.directory);
      const options = { directory, mode: 'fast', device: 'auto', contextLength: CONTEXT } as const;
      const { model, device, deviceReason } = await openModel(options);
      await model.close();
      expect(device).toBe('cpu');
      expect(deviceReason).toMatch(/^The GPU is not used: the GPU computed other probabilities/);
      expect((await readDeviceRecord(directory, CONTEXT)).devices.cuda).toMatchObject({
        detail: 'wrong-logits',
      });
    });
  },
);
