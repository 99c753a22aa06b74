import { describe, expect, it } from 'vitest';
import { upgradeSteps } from '../../../app/catalog/old-steps.ts';
import { progressSchema } from '../../../app/contract/progress.ts';

const figures = { detail: null, unit: 'bytes', done: 5, total: 10, rate: null, secondsLeft: null };

/** Phase, format and pause of steps that an earlier version stored. */
function upgraded(steps: readonly object[], request: object): unknown[] {
  return progressSchema
    .array()
    .parse(upgradeSteps(steps, request))
    .map(({ phase, format, isPaused, subject }) => [phase, format, isPaused, subject]);
}

describe('steps that an earlier version stored', () => {
  it('take what they make from what was said of it', () => {
    const task = { kind: 'quantize', scheme: 'nf4' };
    const measured = { kind: 'evaluate', scheme: 'nf4' };
    expect(
      upgraded(
        [
          {
            ...figures,
            step: 'a/model',
            kind: 'download',
            task: { kind: 'download', scheme: null },
          },
          { ...figures, step: 'mine', kind: 'quantize', task },
          { ...figures, step: 'mine/evaluate', kind: 'paused', task: measured },
        ],
        { kind: 'make', schemes: ['nf4-dq', 'nf4'] },
      ),
    ).toEqual([
      ['download', null, false, 'a/model'],
      ['quantize', 'nf4', false, 'mine'],
      ['evaluate', 'nf4', true, 'mine'],
    ]);
  });

  it('take it from their names where nothing else says it, the longest that fits', () => {
    const request = { kind: 'make', schemes: ['nf4', 'nf4-dq'] };
    expect(
      upgraded(
        [
          { ...figures, step: 'owner/model', kind: 'paused' },
          { ...figures, step: 'model-nf4-dq', kind: 'paused' },
          { ...figures, step: 'model-nf4-b32-2/evaluate', kind: 'evaluate' },
        ],
        request,
      ),
    ).toEqual([
      ['download', null, true, 'owner/model'],
      ['quantize', 'nf4-dq', true, 'model-nf4-dq'],
      ['evaluate', 'nf4', false, 'model-nf4-b32-2'],
    ]);
  });

  it('are of the only format that was asked for, whatever the person called it', () => {
    const request = { kind: 'make', schemes: ['int4'] };
    expect(upgraded([{ ...figures, step: 'mine', kind: 'quantize' }], request)).toEqual([
      ['quantize', 'int4', false, 'mine'],
    ]);
  });

  it('of a check keep their phase, and today’s steps stay as they are', () => {
    const request = { kind: 'verify', id: 'x' };
    expect(upgraded([{ ...figures, step: 'x', kind: 'paused' }], request)).toEqual([
      ['verify', null, true, 'x'],
    ]);
    const now = { ...figures, step: 'x', phase: 'verify', isPaused: false, subject: 'x' };
    expect(upgradeSteps([now], request)).toEqual([now]);
  });
});
