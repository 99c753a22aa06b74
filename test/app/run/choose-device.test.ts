import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { chooseDevice, type Candidate } from '../../../app/run/choose-device.ts';
import { readDeviceRecord, writeDeviceRecord } from '../../../app/run/device-record.ts';
import { ensureGraph } from '../../../app/run/index.ts';
import { openModel } from '../../../app/run/open-model.ts';
import { probeGraph } from '../../../native-kernels/index.ts';
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

/** A candidate whose GPU is ONNX Runtime's kernels for processors: a real program computes real graphs. */
function candidateIn(directory: string, changes: Partial<Candidate> = {}): Candidate {
  return {
    directory,
    mode: 'fast',
    contextLength: CONTEXT,
    threads: 1,
    graph: async (activations) => {
      const standard = { activations: 'F32', tables: 'levels', contextLength: CONTEXT } as const;
      return activations === null
        ? (await ensureGraph(directory)).graphPath
        : (await ensureGraph(directory, 'fast', () => standard)).graphPath;
    },
    probe: (options) => probeGraph({ ...options, device: 'standard-cpu' }),
    ...changes,
  };
}

const slow = { loadMs: 10, prefillRate: 100, decodeRate: 10 };
const fast = { loadMs: 1000, prefillRate: 1000, decodeRate: 100 };

describe('the device of a model', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await artifact();
  });

  it('is the CPU where that was asked for, and needs no reason then', async () => {
    expect(await chooseDevice('cpu', candidateIn(directory))).toMatchObject({
      device: 'cpu',
      reason: null,
    });
  });

  it('is a CUDA device where that was asked for', async () => {
    expect(await chooseDevice('cuda', candidateIn(directory))).toMatchObject({
      device: 'cuda',
      reason: null,
    });
  });

  it('is tried in a process of its own, compared, and kept', async () => {
    const own = await artifact();
    const chosen = await chooseDevice('webgpu', candidateIn(own));
    expect(chosen).toEqual({ device: 'webgpu', reason: null, activations: 'F16' });
    const kept = await readDeviceRecord(own, CONTEXT);
    if (kept?.kind !== 'measured') throw new Error('nothing was measured');
    expect(kept.device.decodeRate).toBeGreaterThan(0);
    expect(kept.processor.prefillRate).toBeGreaterThan(0);
    expect(Math.abs(kept.divergence)).toBeLessThan(0.01);
    // The record answers now: no program is started again.
    const never = (): never => expect.fail('it was tried twice');
    await chooseDevice('webgpu', candidateIn(own, { probe: never }));
  });

  it('is a GPU that was measured to be faster, the loading included', async () => {
    const outcome = { kind: 'measured', activations: 'F32', divergence: 0.001 } as const;
    await writeDeviceRecord(directory, CONTEXT, { ...outcome, processor: slow, device: fast });
    expect(await chooseDevice('auto', candidateIn(directory))).toEqual({
      device: 'webgpu',
      reason: 'Measured faster: 100 tokens/s on the GPU, 10 on the CPU.',
      activations: 'F32',
    });
    const loaded = { ...fast, loadMs: 120_000 };
    await writeDeviceRecord(directory, CONTEXT, { ...outcome, processor: slow, device: loaded });
    const other = await chooseDevice('auto', candidateIn(directory));
    expect(other).toMatchObject({ device: 'cpu' });
    expect(other.reason).toContain('loaded in 120.0 s');
  });

  it('is the CPU for exact answers, unless a GPU was asked for', async () => {
    const exact = await chooseDevice('auto', candidateIn(directory, { mode: 'exact' }));
    expect(exact).toMatchObject({
      device: 'cpu',
      reason: expect.stringContaining('Exact') as string,
    });
  });

  it('is the CPU after the GPU failed, and says why', async () => {
    const failure = {
      kind: 'failed',
      code: 'out-of-memory',
      message: 'the GPU failed: full',
    } as const;
    await writeDeviceRecord(directory, CONTEXT, failure);
    expect(await chooseDevice('auto', candidateIn(directory))).toMatchObject({
      device: 'cpu',
      reason: 'The GPU is not used: the GPU failed: full.',
    });
    await expect(chooseDevice('webgpu', candidateIn(directory))).rejects.toMatchObject({
      code: 'out-of-memory',
      remedy: 'Choose the CPU (--device cpu).',
    });
  });

  it('is tried again where the record is of another computer, context or version', async () => {
    const file = path.join(directory, 'nibble-devices.json');
    await writeDeviceRecord(directory, CONTEXT, { kind: 'failed', code: 'internal', message: 'x' });
    expect(await readDeviceRecord(directory, CONTEXT)).not.toBeNull();
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/"machine":"/, '$&other '));
    expect(await readDeviceRecord(directory, CONTEXT)).toBeNull();
    await writeFile(file, text.replace(/"atMs":\d+/, '"atMs":0'));
    expect(await readDeviceRecord(directory, CONTEXT)).toBeNull();
    await writeFile(file, '{"machine":');
    expect(await readDeviceRecord(directory, CONTEXT)).toBeNull();
    const outcome = { kind: 'measured', activations: 'F16', divergence: 0 } as const;
    await writeDeviceRecord(directory, CONTEXT, { ...outcome, processor: slow, device: fast });
    expect(await readDeviceRecord(directory, 2 * CONTEXT)).toBeNull();
  });
});

describe('trying a graph', () => {
  it('that is none is an answer, not the end of this process', async () => {
    const directory = await artifact();
    const { graphPath } = await ensureGraph(directory);
    const probe = await probeGraph({
      deviceGraph: graphPath,
      processorGraph: graphPath,
      device: 'standard-cpu',
      contextLength: CONTEXT,
      threads: 1,
    });
    expect(probe.error?.code).toBe('malformed-file');
  });

  it('ends after the time it has', async () => {
    const candidate = candidateIn(await artifact());
    const probe = await probeGraph({
      deviceGraph: await candidate.graph('F32'),
      processorGraph: await candidate.graph(null),
      device: 'standard-cpu',
      contextLength: CONTEXT,
      threads: 1,
      timeoutMs: 1,
    });
    expect(probe.error).toEqual({
      code: 'kernel-failed',
      message: 'the GPU did not finish within 0.001 s',
    });
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
