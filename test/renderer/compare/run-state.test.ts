import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../../app/contract/comparison.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { greedySampling, type GeneratedToken } from '../../../app/contract/sampling.ts';
import {
  currentPrompt,
  newRun,
  nextPrompt,
  runAfter,
  type Run,
  type RunEvent,
  type RunRequest,
} from '../../../renderer/views/compare/logic/run-state.ts';
import { liveSpeed } from '../../../renderer/views/compare/logic/speeds.ts';

const request: RunRequest = {
  ids: ['eight', 'four'],
  names: ['Eight', 'Four'],
  system: '',
  sampling: greedySampling,
  maxTokens: 8,
  arrangement: 'together',
  isBlind: false,
  secret: 1,
};

const token = (id: number, elapsedMs = id): GeneratedToken => ({
  id,
  text: `${id}`,
  logprob: 0,
  elapsedMs,
  alternatives: [],
});

function progress(change: Partial<Progress>): RunEvent {
  return {
    kind: 'progress',
    progress: {
      step: 'eight four',
      phase: 'compare',
      isPaused: false,
      subject: 'Eight, Four',
      artifact: null,
      format: null,
      detail: null,
      unit: 'items',
      done: 0,
      total: 2,
      rate: null,
      secondsLeft: null,
      ...change,
    },
  };
}

const comparison: Comparison = {
  id: 3,
  prompt: 'One',
  system: null,
  sampling: greedySampling,
  answers: [],
  divergences: [],
  arrangement: 'together',
  votes: [],
  createdAt: '2026-01-01T00:00:00.000Z',
};

function after(run: Run, ...events: readonly RunEvent[]): Run {
  return events.reduce((state, event) => runAfter(state, 0, event), run);
}
const phases = (run: Run): string => (run.prompts[0]?.columns ?? []).map((c) => c.phase).join(' ');

describe('a run', () => {
  it('shows what each column does while all answer together', () => {
    let run = after(newRun(request, ['One']), { kind: 'start' });
    expect(phases(run)).toBe('waiting waiting');
    run = after(run, progress({ phase: 'load', artifact: 'four', done: 0, total: 9 }));
    expect(phases(run)).toBe('waiting loading');
    run = after(run, progress({ phase: 'load', artifact: 'four', done: 9, total: 9 }));
    expect(phases(run)).toBe('waiting ready');
    run = after(run, { kind: 'tokens', artifactId: 'four', tokens: [token(1), token(2)] });
    run = after(run, { kind: 'tokens', artifactId: 'four', tokens: [token(3)] });
    expect(phases(run)).toBe('waiting answering');
    expect(run.prompts[0]?.columns[1]?.tokens.map(({ id }) => id)).toEqual([1, 2, 3]);
    run = after(run, progress({ done: 1, artifact: 'four' }));
    expect(phases(run)).toBe('waiting done');
    run = after(run, { kind: 'end', comparison });
    expect(phases(run)).toBe('done done');
    expect(run.prompts[0]?.state).toBe('done');
  });

  it('follows them one after the other', () => {
    let run = after(newRun({ ...request, arrangement: 'alone' }, ['One']), { kind: 'start' });
    run = after(run, progress({ detail: 'Eight' }));
    expect(phases(run)).toBe('loading waiting');
    run = after(run, { kind: 'tokens', artifactId: 'eight', tokens: [token(1)] });
    expect(phases(run)).toBe('answering waiting');
    run = after(run, progress({ done: 1, detail: 'Four' }));
    expect(phases(run)).toBe('done loading');
    run = after(run, { kind: 'tokens', artifactId: 'four', tokens: [token(1)] });
    expect(phases(run)).toBe('done answering');
  });

  it('keeps what was said when a runner dies, and says which columns were cut off', () => {
    let run = after(newRun({ ...request, arrangement: 'alone' }, ['One', 'Two']), {
      kind: 'start',
    });
    run = after(
      run,
      { kind: 'tokens', artifactId: 'eight', tokens: [token(1)] },
      { kind: 'tokens', artifactId: 'four', tokens: [token(1), token(2)] },
      { kind: 'fail', failure: { code: 'runner-crashed', message: 'four: gone', remedy: null } },
    );
    expect(run.prompts[0]).toMatchObject({ state: 'failed', failure: { code: 'runner-crashed' } });
    expect(phases(run)).toBe('done cut');
    expect(run.prompts[0]?.columns[1]?.tokens).toHaveLength(2);
    expect(currentPrompt(run)).toBeNull();
    expect(nextPrompt(run)).toBe(0);
    run = after(run, { kind: 'start' });
    expect(phases(run)).toBe('waiting waiting');
    expect(run.prompts[0]?.failure).toBeNull();
  });

  it('is stopped, not failed, when the person stops it', () => {
    const run = after(
      newRun(request, ['One']),
      { kind: 'start' },
      { kind: 'fail', failure: { code: 'aborted', message: 'Cancelled.', remedy: null } },
    );
    expect(run.prompts[0]).toMatchObject({ state: 'stopped', failure: null });
  });

  it('waits for the vote before the next prompt when it is blind', () => {
    let run = after(newRun({ ...request, isBlind: true }, ['One', 'Two']), { kind: 'start' });
    run = after(run, { kind: 'end', comparison });
    expect(run.prompts[0]?.state).toBe('voting');
    expect(currentPrompt(run)).toBe(0);
    run = after(run, { kind: 'voted', comparison });
    expect(run.prompts[0]?.state).toBe('done');
    expect(nextPrompt(run)).toBe(1);
  });
});

describe('the speed of an answer that grows', () => {
  it('is unknown before it can be said', () => {
    expect(liveSpeed([])).toEqual({ firstTokenMs: null, rate: null });
    expect(liveSpeed([token(1, 80)])).toEqual({ firstTokenMs: 80, rate: null });
  });

  it('leaves the time before the first token out of the rate', () => {
    expect(liveSpeed([token(1, 500), token(2, 600), token(3, 700)])).toEqual({
      firstTokenMs: 500,
      rate: 10,
    });
  });
});
