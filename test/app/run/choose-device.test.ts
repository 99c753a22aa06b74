import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseDevice } from '../../../app/run/choose-device.ts';
import {
  keepDeviceOutcome,
  readDeviceRecord,
  type DeviceOutcome,
} from '../../../app/run/device-record.ts';
import { openModel } from '../../../app/run/load-model.ts';
import type { Candidate } from '../../../app/run/try-devices.ts';
import { quantizeFolder } from '../../fixtures/quantize-folder.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { writeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const CONTEXT = 256;

async function artifact(): Promise<string> {
  const folder = await scratchFolder();
  await writeTinyCheckpoint(path.join(folder, 'original'), {});
  await quantizeFolder(path.join(folder, 'original'), path.join(folder, 'nf4'), 'nf4');
  return path.join(folder, 'nf4');
}

const slow = { loadMs: 10, prefillRate: 100, decodeRate: 10 };
const fast = { loadMs: 1000, prefillRate: 1000, decodeRate: 100 };
const fastest = { loadMs: 500, prefillRate: 20_000, decodeRate: 900 };

function measured(rates: typeof fast): DeviceOutcome {
  return { kind: 'measured', activations: 'F16', rates, divergence: 0.001 };
}

function failure(code: string, message: string): DeviceOutcome {
  return { kind: 'failed', code, message, detail: null };
}

/** A model whose devices were all tried before: whoever tries one again fails. */
function candidateIn(directory: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    directory,
    recordsDirectory: directory,
    weightsFolder: undefined,
    mode: 'fast',
    contextLength: CONTEXT,
    threads: 1,
    processorGraph: '',
    gpuGraph: () => expect.fail('a graph was built'),
    cudaText: () => expect.fail('a plan was written'),
    probe: () => expect.fail('a device was tried'),
    ...changes,
  };
}

/** An empty folder with what is known of a model in it. */
async function known(cuda: DeviceOutcome, webgpu: DeviceOutcome): Promise<string> {
  const directory = await scratchFolder();
  await keepDeviceOutcome(directory, CONTEXT, 'cuda', cuda, slow);
  await keepDeviceOutcome(directory, CONTEXT, 'webgpu', webgpu);
  return directory;
}

const noCard = failure('runtime-unavailable', 'no NVIDIA driver is installed');

describe('the device of a model', () => {
  it('is the CPU where that was asked for, and needs no reason then', async () => {
    const chosen = await chooseDevice('cpu', candidateIn('/nowhere'));
    expect(chosen).toMatchObject({ device: 'cpu', reason: null });
  });

  it('is a CUDA device where that was asked for', async () => {
    const chosen = await chooseDevice('cuda', candidateIn('/nowhere'));
    expect(chosen).toMatchObject({ device: 'cuda', reason: null });
  });

  it('is the fastest of those that were measured', async () => {
    const both = candidateIn(await known(measured(fastest), measured(fast)));
    expect(await chooseDevice('auto', both)).toEqual({
      device: 'cuda',
      reason:
        'Measured faster: 900 tokens/s with CUDA, 100 tokens/s with WebGPU, 10 tokens/s on the CPU.',
      activations: 'F16',
    });
    const reversed = candidateIn(await known(measured(fast), measured(fastest)));
    expect(await chooseDevice('auto', reversed)).toMatchObject({ device: 'webgpu' });
    const other = candidateIn(await known(noCard, measured(fast)));
    expect(await chooseDevice('auto', other)).toMatchObject({
      device: 'webgpu',
      reason: 'Measured faster: 100 tokens/s with WebGPU, 10 tokens/s on the CPU.',
    });
  });

  it('is the CPU where a GPU only answers faster, but is not there sooner', async () => {
    const loaded = measured({ ...fast, loadMs: 120_000 });
    const chosen = await chooseDevice('auto', candidateIn(await known(noCard, loaded)));
    expect(chosen).toMatchObject({ device: 'cpu' });
    expect(chosen.reason).toContain('loaded in 120.0 s with WebGPU');
  });

  it('is the CPU for exact answers, unless a GPU was asked for', async () => {
    const exact = await chooseDevice('auto', candidateIn('/nowhere', { mode: 'exact' }));
    expect(exact).toMatchObject({
      device: 'cpu',
      reason: expect.stringContaining('Exact') as string,
    });
  });

  it('is the CPU after all others failed, and says why', async () => {
    const full = failure('out-of-memory', 'the GPU failed: full');
    const one = candidateIn(await known(noCard, full));
    expect(await chooseDevice('auto', one)).toMatchObject({
      device: 'cpu',
      reason: 'The GPU is not used: the GPU failed: full.',
    });
    await expect(chooseDevice('webgpu', one)).rejects.toMatchObject({
      code: 'out-of-memory',
      remedy: 'Choose the CPU (--device cpu).',
    });
    const both = candidateIn(await known(failure('kernel-failed', 'it hangs'), full));
    const { reason } = await chooseDevice('auto', both);
    expect(reason).toBe('The GPU is not used: it hangs; the GPU failed: full.');
    const none = candidateIn(await known(noCard, noCard));
    const { reason: nothing } = await chooseDevice('auto', none);
    expect(nothing).toBe('The GPU is not used: no NVIDIA driver is installed.');
  });
});

describe('what is known of a model', () => {
  it('says nothing of another computer, context or version, and failures pass', async () => {
    const directory = await known(failure('internal', 'x'), measured(fast));
    const file = path.join(directory, 'nibble-devices.json');
    const read = () => readDeviceRecord(directory, CONTEXT);
    expect(await read()).toMatchObject({
      processor: slow,
      devices: { cuda: { message: 'x' }, webgpu: { rates: fast } },
    });
    expect(await readDeviceRecord(directory, 2 * CONTEXT)).toEqual({
      processor: null,
      devices: {},
    });
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/"machine":"/, '$&other '));
    expect(await read()).toEqual({ processor: null, devices: {} });
    await writeFile(file, text.replaceAll(/"atMs":\d+/g, '"atMs":0'));
    const old = await read();
    expect(old.devices.cuda).toBeUndefined();
    expect(old.devices.webgpu).toMatchObject({ kind: 'measured' });
    await writeFile(file, '{"machine":');
    expect(await read()).toEqual({ processor: null, devices: {} });
  });
});

describe('opening a model', () => {
  it('with what only the CPU can do is refused for a GPU, and goes to the CPU by itself', async () => {
    const directory = await artifact();
    const options = { directory, mode: 'fast', profile: true } as const;
    await expect(openModel({ ...options, device: 'webgpu' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    const opened = await openModel({ ...options, device: 'auto' });
    await opened.model.close();
    expect(opened).toMatchObject({ device: 'cpu', deviceReason: expect.any(String) as string });
  });
});
