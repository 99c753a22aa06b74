import { describe, expect, it } from 'vitest';
import type { Job, JobRequest } from '../../../app/contract/job.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { foundDamage, groupJobs, neighbour } from '../../../renderer/jobs/job-groups.ts';
import { jobShare, plannedSteps } from '../../../renderer/jobs/job-steps.ts';

function progress(
  phase: Progress['phase'],
  format: string | null,
  done: number,
  more: Partial<Progress> = {},
): Progress {
  return {
    step: 's',
    phase,
    isPaused: false,
    subject: 'model',
    artifact: null,
    format,
    detail: null,
    unit: 'bytes',
    done,
    total: 100,
    rate: null,
    secondsLeft: null,
    ...more,
  };
}
function make(
  schemes: Extract<JobRequest, { kind: 'make' }>['schemes'],
  measure = false,
): JobRequest {
  return { kind: 'make', source: 'a/model', schemes, device: 'auto', measure };
}
function job(changes: Partial<Job>): Job {
  return {
    id: 1,
    request: make(['nf4-dq', 'nf4']),
    subject: 'model',
    state: 'running',
    steps: [],
    waitsForDisk: false,
    error: null,
    checkpointId: null,
    artifactIds: [],
    files: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    endedAt: null,
    ...changes,
  };
}

describe('plannedSteps', () => {
  it('takes the engine’s word for what a step makes, whatever the artifact is called', () => {
    const steps = plannedSteps(
      job({
        request: make(['nf4-dq', 'nf4'], true),
        steps: [
          progress('quantize', 'nf4', 40, { subject: 'mine', artifact: 'mine' }),
          progress('evaluate', 'nf4', 10, { subject: 'mine', artifact: 'mine' }),
        ],
      }),
    );
    expect(
      steps.filter(({ state }) => state === 'running').map(({ kind, scheme }) => [kind, scheme]),
    ).toEqual([
      ['quantize', 'nf4'],
      ['evaluate', 'nf4'],
    ]);
  });

  it('lists what has not begun, so that the list keeps its length', () => {
    const steps = plannedSteps(job({ steps: [progress('download', null, 10)] }));
    expect(steps.map(({ kind, scheme, state }) => [kind, scheme, state])).toEqual([
      ['download', null, 'running'],
      ['quantize', 'nf4-dq', 'waiting'],
      ['quantize', 'nf4', 'waiting'],
    ]);
  });
  it('expects a download of a repository before it begins, and none of what is here', () => {
    expect(plannedSteps(job({})).map(({ kind }) => kind)).toContain('download');
    const own: JobRequest = { ...make(['nf4']), source: '/models/own' } as JobRequest;
    expect(plannedSteps(job({ request: own })).map(({ kind }) => kind)).toEqual(['quantize']);
    expect(plannedSteps(job({ checkpointId: 'model' })).map(({ kind }) => kind)).not.toContain(
      'download',
    );
  });
  it('keeps a step in its place while it waits for the disk', () => {
    const steps = plannedSteps(
      job({
        waitsForDisk: true,
        checkpointId: 'model',
        steps: [
          progress('download', null, 100),
          progress('quantize', 'nf4-dq', 50, { isPaused: true }),
        ],
      }),
    );
    expect(steps.map(({ state }) => state)).toEqual(['done', 'held', 'waiting']);
  });
  it('counts what an earlier run has made as done', () => {
    const steps = plannedSteps(job({ checkpointId: 'model', artifactIds: ['model-nf4-dq'] }));
    expect(steps.map(({ state }) => state)).toEqual(['done', 'waiting']);
  });
  it('tells measuring from making of the same artifact', () => {
    const steps = plannedSteps(
      job({
        request: make(['int4'], true),
        checkpointId: 'model',
        artifactIds: ['mine'],
        steps: [progress('quantize', 'int4', 100), progress('evaluate', 'int4', 30)],
      }),
    );
    expect(steps.map(({ kind, state }) => [kind, state])).toEqual([
      ['quantize', 'done'],
      ['evaluate', 'running'],
    ]);
  });
  it('shows a check before it has begun', () => {
    const steps = plannedSteps(job({ request: { kind: 'verify', id: 'x' }, state: 'queued' }));
    expect(steps).toMatchObject([{ kind: 'verify', state: 'waiting' }]);
  });
});

describe('jobShare', () => {
  it('counts every step alike', () => {
    expect(jobShare(job({}))).toBeNull();
    expect(
      jobShare(
        job({
          checkpointId: 'model',
          steps: [progress('download', null, 100), progress('quantize', 'nf4-dq', 50)],
        }),
      ),
    ).toBeCloseTo(0.5);
    expect(jobShare(job({ state: 'done' }))).toBe(1);
  });
});

describe('groups', () => {
  it('asks for the person where a job cannot go on by itself', () => {
    const groups = groupJobs([
      job({ id: 5, state: 'queued' }),
      job({ id: 4, state: 'queued' }),
      job({ id: 3, state: 'failed' }),
      job({ id: 2, state: 'done' }),
      job({ id: 1 }),
    ]);
    expect(groups.running.map(({ id }) => id)).toEqual([1]);
    expect(groups.queued.map(({ id }) => id)).toEqual([4, 5]);
    expect(groups.held.map(({ id }) => id)).toEqual([3]);
    expect(groups.ended.map(({ id }) => id)).toEqual([2]);
  });
  it('keep what the person paused apart from what needs them', () => {
    const groups = groupJobs([
      job({ id: 3, state: 'interrupted' }),
      job({ id: 2, state: 'paused' }),
      job({ id: 1, state: 'failed' }),
    ]);
    expect(groups.paused.map(({ id }) => id)).toEqual([2]);
    expect(groups.held.map(({ id }) => id)).toEqual([3, 1]);
  });
  it('tell a check that found damage from one that is well', () => {
    const file = (state: 'ok' | 'changed' | 'missing' | 'unverifiable') => ({
      name: 'model.safetensors',
      sizeBytes: 1,
      state,
    });
    expect(foundDamage({ state: 'done', files: [file('ok'), file('changed')] })).toBe(true);
    expect(foundDamage({ state: 'done', files: [file('missing')] })).toBe(true);
    expect(foundDamage({ state: 'done', files: [file('ok'), file('unverifiable')] })).toBe(false);
    expect(foundDamage({ state: 'done', files: null })).toBe(false);
  });
  it('moves the focus to what is left', () => {
    expect(neighbour(['a', 'b', 'c'], 1)).toBe('c');
    expect(neighbour(['a', 'b'], 1)).toBe('a');
    expect(neighbour(['a'], 0)).toBeNull();
  });
});
