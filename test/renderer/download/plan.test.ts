import { describe, expect, it } from 'vitest';
import type { Inspection, SchemeSize } from '../../../app/contract/inspection.ts';
import type { Job } from '../../../app/contract/job.ts';
import type { Library } from '../../../app/contract/library.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { jobFor } from '../../../renderer/views/download/job-for.ts';
import { readThreads, requestFor } from '../../../renderer/views/download/options.ts';
import {
  checkpointIn,
  commonBlockSizes,
  diskNeed,
  diskVerdict,
  firstChoice,
  goFor,
  orderedSizes,
  sizesFor,
} from '../../../renderer/views/download/plan.ts';
import { knownSchemes } from '../../fixtures/known-schemes.ts';

function size(scheme: SchemeName, weightsBytes: number): SchemeSize {
  return {
    scheme,
    blockSize: null,
    weightsBytes,
    outputLayerCopyBytes: 0,
    bitsPerWeight: 4,
    quantizedTensors: 1,
    keptTensors: 1,
    memoryBytes: weightsBytes,
    fits: 'yes',
    withoutCopy: { memoryBytes: weightsBytes, fits: 'yes' },
  };
}
const sizes = [size('bf16', 1000), size('llm-int8', 500), size('nf4', 270), size('nf4-dq', 260)];
const inspection: Inspection = {
  source: 'a/model',
  repository: 'a/model',
  commit: 'c',
  directory: null,
  architecture: 'LlamaForCausalLM',
  runnable: true,
  obstacle: null,
  notes: [],
  license: null,
  gated: false,
  parameters: 500,
  textParameters: 500,
  activeParameters: 500,
  cacheBytesPerToken: 0,
  stateBytes: 0,
  dtypes: {},
  layers: 1,
  hiddenSize: 1,
  vocabularySize: 1,
  contextLength: 1,
  hasTokenizer: true,
  hasChatTemplate: true,
  downloadBytes: 1010,
  weightsBytes: 1000,
  inspectedBytes: 0,
  schemes: sizes,
};

describe('diskNeed', () => {
  it('adds the download and every version with the files that go with it', () => {
    expect(diskNeed(inspection, ['nf4', 'nf4-dq'], knownSchemes)).toEqual({
      downloadBytes: 1010,
      madeBytes: 270 + 260 + 20,
      totalBytes: 1010 + 270 + 260 + 20,
    });
  });
  it('takes nothing for a download that is here, nor for weights that are shared', () => {
    expect(diskNeed({ ...inspection, directory: '/x' }, ['bf16'], knownSchemes).totalBytes).toBe(
      10,
    );
  });
  it('counts the copy of the output layer, unless it is left away', () => {
    const withCopy = sizes.map((size) =>
      size.scheme === 'nf4'
        ? { ...size, outputLayerCopyBytes: 30, memoryBytes: 300, fits: 'tight' as const }
        : size,
    );
    expect(diskNeed({ ...inspection, schemes: withCopy }, ['nf4'], knownSchemes).madeBytes).toBe(
      270 + 30 + 10,
    );
    expect(sizesFor(withCopy, true)).toEqual(withCopy);
    expect(sizesFor(withCopy, false)[2]).toMatchObject({
      outputLayerCopyBytes: 0,
      memoryBytes: 270,
      fits: 'yes',
    });
  });
  it('counts the 16-bit copy of a folder of the person’s own', () => {
    const own = { ...inspection, directory: '/x', repository: null, commit: null };
    expect(diskNeed(own, ['bf16'], knownSchemes).totalBytes).toBe(1010);
  });
});

it('says before it is too late whether the disk has room', () => {
  expect(diskVerdict(10, 100)).toBe('roomy');
  expect(diskVerdict(95, 100)).toBe('tight');
  expect(diskVerdict(101, 100)).toBe('short');
  expect(diskVerdict(10, null)).toBe('unknown');
});

describe('choice', () => {
  it('lists four bits first', () => {
    expect(orderedSizes(sizes, knownSchemes).map(({ scheme }) => scheme)).toEqual([
      'nf4-dq',
      'nf4',
      'llm-int8',
      'bf16',
    ]);
  });
  it('begins with the defaults that can be had and are not made yet', () => {
    expect(firstChoice(['nf4-dq', 'llm-int8', 'fp4'], sizes, ['nf4-dq'])).toEqual(['llm-int8']);
  });
  it('names the button after what it does', () => {
    expect(goFor([], false, knownSchemes)).toBe('download');
    expect(goFor([], true, knownSchemes)).toBe('nothing');
    expect(goFor(['nf4'], true, knownSchemes)).toBe('bits4');
    expect(goFor(['llm-int8'], false, knownSchemes)).toBe('bits8');
    expect(goFor(['bf16'], false, knownSchemes)).toBe('bits16');
    expect(goFor(['nf4', 'bf16'], false, knownSchemes)).toBe('many');
  });
  it('offers block sizes that all chosen schemes have', () => {
    expect(commonBlockSizes(['nf4', 'int4'], knownSchemes)).toEqual([64, 32, 128, 256]);
    expect(commonBlockSizes(['llm-int8'], knownSchemes)).toEqual([]);
    // LLM.int8 has no blocks and does not mind.
    expect(commonBlockSizes(['llm-int8', 'int4'], knownSchemes)).toEqual([64, 32, 128, 256]);
  });
});

describe('requestFor', () => {
  const options = {
    blockSize: null,
    outputLayerCopy: true,
    name: '',
    threads: '',
    measure: false,
  };
  it('asks for what was chosen and nothing else', () => {
    expect(requestFor('a/model', ['nf4'], options, knownSchemes)).toEqual({
      kind: 'make',
      source: 'a/model',
      schemes: ['nf4'],
      device: 'auto',
      measure: false,
    });
  });
  it('leaves out what does not fit the choice', () => {
    const given = {
      blockSize: 32,
      outputLayerCopy: false,
      name: 'mine',
      threads: ' 4 ',
      measure: true,
    };
    expect(requestFor('a', ['nf4'], given, knownSchemes)).toMatchObject({
      blockSize: 32,
      outputLayerCopy: false,
      name: 'mine',
      threads: 4,
      measure: true,
    });
    const two = requestFor('a', ['llm-int8', 'bf16'], given, knownSchemes);
    expect(two).not.toHaveProperty('name');
    expect(two).not.toHaveProperty('blockSize');
    expect(requestFor('a', [], given, knownSchemes)).toMatchObject({ measure: false });
  });
  it('refuses what is no number of threads', () => {
    for (const text of ['0', '-1', '1.5', 'four', '99999'])
      expect(readThreads(text)).toBe('invalid');
    expect(requestFor('a', ['nf4'], { ...options, threads: '0' }, knownSchemes)).toBeNull();
  });
});

describe('jobFor', () => {
  function job(id: number, state: Job['state'], source = 'a/model'): Job {
    return {
      id,
      request: { kind: 'make', source, schemes: [], device: 'auto', measure: false },
      subject: 'model',
      state,
      steps: [],
      waitsForDisk: false,
      error: null,
      checkpointId: null,
      artifactIds: [],
      files: null,
      createdAt: '',
      endedAt: null,
    };
  }
  it('finds the job that is under way when the page is opened again', () => {
    const jobs = [job(3, 'done'), job(2, 'interrupted'), job(1, 'failed', 'other')];
    expect(jobFor(jobs, 'a/model', null)?.id).toBe(2);
    expect(jobFor(jobs, 'nobody', null)).toBeNull();
  });
  it('shows the result of the one that was watched, and a cancelled one no more', () => {
    expect(jobFor([job(3, 'done')], 'a/model', 3)?.id).toBe(3);
    expect(jobFor([job(3, 'done')], 'a/model', null)).toBeNull();
    expect(jobFor([job(3, 'cancelled')], 'a/model', 3)).toBeNull();
  });
});

describe('a model that is in the library already', () => {
  const checkpoint = {
    id: 'model-1',
    name: 'model',
    directory: '/models/a',
    origin: { repository: 'a/model', revision: 'main', commit: 'c', endpoint: null },
    architecture: 'LlamaForCausalLM',
    parameters: 1,
    sizeBytes: 1000,
    license: null,
    owned: true,
    createdAt: '2026-01-01T00:00:00.000Z',
  };
  const library = (available: boolean): Library => ({
    folders: [],
    checkpoints: [{ checkpoint, available, damagedFiles: [] }],
    artifacts: [],
    unfinished: [],
    unreadable: [],
    totalBytes: 0,
  });

  it('is found by the repository and commit that it came from, by its folder and by its id', () => {
    expect(checkpointIn(library(true), inspection)?.id).toBe('model-1');
    expect(checkpointIn(library(true), { ...inspection, source: 'model-1', commit: 'x' })?.id).toBe(
      'model-1',
    );
    const folder = { ...inspection, repository: null, commit: null, directory: '/models/a' };
    expect(checkpointIn(library(true), folder)?.id).toBe('model-1');
  });

  it('is not another revision, another repository with that commit, or one on a disk that is away', () => {
    expect(checkpointIn(library(true), { ...inspection, commit: 'other' })).toBeNull();
    expect(checkpointIn(library(true), { ...inspection, repository: 'b/model' })).toBeNull();
    expect(checkpointIn(library(false), inspection)).toBeNull();
    expect(checkpointIn(undefined, inspection)).toBeNull();
  });

  it('needs no download and cannot be downloaded again', () => {
    const here: Inspection = { ...inspection, directory: checkpoint.directory };
    expect(diskNeed(here, [], knownSchemes).totalBytes).toBe(0);
    expect(goFor([], here.directory !== null, knownSchemes)).toBe('nothing');
  });
});
