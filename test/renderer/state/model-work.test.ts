import { expect, it } from 'vitest';
import type { Job } from '../../../app/contract/job.ts';
import type { DamagedFile, Library } from '../../../app/contract/library.ts';
import { isVerified, workPerModel } from '../../../renderer/state/model-work.ts';

const damage: DamagedFile = {
  name: 'model.safetensors',
  state: 'changed',
  foundBy: 'use',
  foundAt: '2026-01-01T00:00:00.000Z',
};

function library(damagedFiles: DamagedFile[]): Library {
  return {
    folders: [],
    artifacts: [],
    checkpoints: [
      {
        available: true,
        damagedFiles,
        checkpoint: {
          id: 'model',
          name: 'model',
          directory: '/model',
          origin: { repository: null, revision: null, commit: null, endpoint: null },
          architecture: 'llama',
          parameters: 1,
          sizeBytes: 1,
          license: null,
          owned: true,
          createdAt: '',
        },
      },
    ],
    unreadable: [],
    unfinished: [],
    totalBytes: 1,
  };
}

function check(id: number, state: Job['state'], files: Job['files']): Job {
  return {
    id,
    request: { kind: 'verify', id: 'model' },
    subject: 'model',
    state,
    steps: [],
    waitsForDisk: false,
    error: null,
    checkpointId: null,
    artifactIds: [],
    files,
    createdAt: '',
    endedAt: null,
  };
}

const sound: Job['files'] = [{ name: 'model.safetensors', sizeBytes: 1, state: 'ok' }];

it.each([
  ['no job at all', []],
  ['a check that runs', [check(1, 'running', null)]],
  ['a check that was stopped', [check(2, 'cancelled', null), check(1, 'done', sound)]],
  ['a clean check from before', [check(1, 'done', sound)]],
])('shows the damage that the library knows beside %s', (_, jobs) => {
  const work = workPerModel(jobs, library([damage])).get('model');
  expect(work?.damagedFiles).toEqual([damage]);
  expect(work === undefined || isVerified(work)).toBe(false);
});

it('calls a model verified after a clean check, and one that nobody checked nothing', () => {
  const work = workPerModel([check(1, 'done', sound)], library([])).get('model');
  expect(work !== undefined && isVerified(work)).toBe(true);
  expect(workPerModel([], library([])).get('model')).toBeUndefined();
});
