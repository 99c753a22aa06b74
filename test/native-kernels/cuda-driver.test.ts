// What Nibble says and does where there is no NVIDIA driver, no device, or one that fails. None of it needs a GPU: a
// stand-in for the driver is compiled, and fails in every way.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { measureGpus, probeGpus } from '../../native-kernels/index.ts';
import { ensureGraph } from '../../app/run/index.ts';
import { buildFakeDrivers } from '../fixtures/fake-driver/build.ts';
import { scratchFolder } from '../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const drivers = await buildFakeDrivers();
const decoderChild = fileURLToPath(
  new URL('../fixtures/fake-driver/decoder-child.ts', import.meta.url),
);
const child = fileURLToPath(new URL('../fixtures/fake-driver/quantize-child.ts', import.meta.url));

function choose(library: string, mode = ''): void {
  process.env['NIBBLE_CUDA_DRIVER'] = library;
  process.env['NIBBLE_FAKE_DRIVER'] = mode;
}

interface Quantized {
  /** What differs from the processor's. */
  unequal: string[];
  /** Of the tensors that were quantized in memory. */
  reasons: string[];
  /** Of the artifacts. */
  announced: string[];
}

/** What comes of loading a decoder there. */
async function openInChild(): Promise<{ code: string; message: string }> {
  const folder = await scratchFolder();
  await writeTinyCheckpoint(folder, {});
  const { cudaText } = await ensureGraph(folder);
  const { stdout } = await promisify(execFile)(process.execPath, [
    decoderChild,
    folder,
    await cudaText(),
  ]);
  return JSON.parse(stdout) as { code: string; message: string };
}

async function quantizeInChild(): Promise<Quantized> {
  const { stdout } = await promisify(execFile)(process.execPath, [child]);
  return JSON.parse(stdout) as Quantized;
}

function expectProcessor({ unequal, reasons, announced }: Quantized, reason: RegExp): void {
  expect(unequal).toEqual([]);
  expect(reasons).toHaveLength(3);
  for (const each of reasons) expect(each).toMatch(reason);
  expect(announced.length).toBeGreaterThan(0);
  for (const each of announced)
    expect(each.slice('The processor takes over: '.length)).toMatch(reason);
}

afterEach(() => {
  delete process.env['NIBBLE_CUDA_DRIVER'];
  delete process.env['NIBBLE_FAKE_DRIVER'];
});

describe('without a driver', () => {
  it('says that there is none', async () => {
    choose('/nowhere/libcuda.so.1');
    const { devices, driver, reason } = await probeGpus();
    expect({ devices, driver }).toEqual({ devices: [], driver: null });
    expect(reason).toMatch(/^no NVIDIA driver is installed \(\/nowhere\/libcuda.so.1: /);
  });

  it('refuses a decoder', async () => {
    choose('/nowhere/libcuda.so.1');
    const { code, message } = await openInChild();
    expect(code).toBe('runtime-unavailable');
    expect(message).toMatch(/^no NVIDIA driver is installed/);
  });

  it('quantizes on the processor when a device was asked for, and says why', async () => {
    choose('/nowhere/libcuda.so.1');
    const expected = /^device 0 was not used: (?:no NVIDIA driver|this build has no CUDA)/;
    expectProcessor(await quantizeInChild(), expected);
  });
});

describe.skipIf(drivers === null)('with a driver that fails (needs a C compiler)', () => {
  const { driver = '', empty = '' } = drivers ?? {};

  it('knows a library that is no driver', async () => {
    choose(empty);
    expect((await probeGpus()).reason).toMatch(/is too old: it has no cuInit$/);
  });

  it('says that a driver finds no device', async () => {
    choose(driver, 'no-device');
    expect(await probeGpus()).toMatchObject({
      devices: [],
      reason: 'the NVIDIA driver is installed, but finds no device',
    });
  });

  it('names the call and the error of a driver that does not start', async () => {
    choose(driver, 'unknown');
    expect((await probeGpus()).reason).toMatch(/does not start: cuInit failed .*\(999\)/);
  });

  it('outlives a driver that ends its process', async () => {
    choose(driver, 'crash');
    expect(await probeGpus()).toMatchObject({
      devices: [],
      reason: 'the NVIDIA driver ended the program that asked it (SIGABRT)',
    });
  });

  it('lists devices, whatever their names hold', async () => {
    choose(driver);
    const { devices, driver: version } = await probeGpus();
    expect(version).toBe('13.0');
    expect(devices).toEqual([
      { ordinal: 0, name: 'Imaginary "GPU"', memoryBytes: 2 ** 30, computeCapability: '9.0' },
    ]);
  });

  it('gives a device that cannot compute the rate 0', async () => {
    choose(driver, 'out-of-memory');
    const { hasKernels, deviceRates, processorRate } = await measureGpus();
    expect(deviceRates).toEqual(hasKernels ? [0] : []);
    if (hasKernels) expect(processorRate).toBeGreaterThan(0);
  });

  it.each([
    ['out-of-memory', 'out-of-memory', /cuMemAlloc failed on device 0 \(Imaginary "GPU"\)/],
    ['launch', 'kernel-failed', /embed_tokens failed on device 0 .*ILLEGAL_ADDRESS \(700\)/],
  ])('refuses a decoder when a device fails (%s)', async (mode, expected, words) => {
    choose(driver, mode);
    const { hasKernels } = await probeGpus();
    const { code, message } = await openInChild();
    expect(code).toBe(hasKernels ? expected : 'runtime-unavailable');
    expect(message).toMatch(hasKernels ? words : /this build has no CUDA kernels/);
  });

  it.each([
    ['has no memory left', 'out-of-memory', /cuMemAlloc failed on device 0 \(Imaginary "GPU"\)/],
    [
      'cannot start a kernel',
      'launch',
      /quantize_\w+ failed on device 0 .*ILLEGAL_ADDRESS \(700\)/,
    ],
  ])('goes on with the processor when a device %s', async (_, mode, expected) => {
    choose(driver, mode);
    const { hasKernels } = await probeGpus();
    expectProcessor(
      await quantizeInChild(),
      hasKernels ? expected : /this build has no CUDA kernels/,
    );
  });
});
