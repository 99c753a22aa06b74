import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatBytes } from '../../../app/contract/format.ts';
import type { Progress } from '../../../app/contract/progress.ts';
import { ProgressBars } from '../../../main/cli/progress-bars.ts';

const printed: string[] = [];
vi.mock('../../../main/cli/terminal.ts', () => ({
  drawingStream: process.stderr,
  printError: (text: string) => {
    printed.push(text);
  },
}));
afterEach(() => {
  printed.length = 0;
});

function progress(done: number, more: Partial<Progress> = {}): Progress {
  return {
    step: 'a',
    phase: 'compare',
    isPaused: false,
    subject: 'a',
    artifact: null,
    format: null,
    detail: null,
    unit: 'items',
    done,
    total: 2,
    rate: null,
    secondsLeft: 0,
    ...more,
  };
}

describe('progress where nobody watches', () => {
  it('names the unit once, and the end of a step once', () => {
    const bars = new ProgressBars({ interactive: false });
    bars.show(progress(0));
    bars.show(progress(2, { detail: 'the last' }));
    bars.show(progress(2));
    expect(printed).toEqual([
      'Comparing a: 0 of 2 items\n',
      'Comparing a: 2 of 2 items · the last\n',
    ]);
  });

  it('says the end of every step and of every kind of work', () => {
    const bars = new ProgressBars({ interactive: false });
    bars.show(progress(1, { total: 1 }));
    bars.show(progress(1, { total: 1, step: 'b', subject: 'b' }));
    bars.show(progress(1, { total: 1, phase: 'verify' }));
    bars.show(progress(3, { total: null, phase: 'list', unit: 'files' }));
    bars.show(progress(5e6, { total: 1e7, phase: 'download', unit: 'bytes' }));
    expect(printed).toEqual([
      'Comparing a: 1 of 1 item\n',
      'Comparing b: 1 of 1 item\n',
      'Checking a: 1 of 1 item\n',
      'Listing a: 3 files\n',
      `Downloading a: ${formatBytes(5e6)} of ${formatBytes(1e7)}\n`,
    ]);
  });
});
