import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRate,
} from '../../../app/contract/format.ts';

const plain = (text: string): string => text.replaceAll('\u202f', ' ');

describe('format', () => {
  it('writes bytes in powers of a thousand, three digits', () => {
    expect(
      [0, 512, 999.6, 1000, 14_123_456, 4_724_000_000, 9_996_000, 99_960_000].map((n) =>
        plain(formatBytes(n)),
      ),
    ).toEqual([
      '0 bytes',
      '512 bytes',
      '1.00 kB',
      '1.00 kB',
      '14.1 MB',
      '4.72 GB',
      '10.0 MB',
      '100 MB',
    ]);
  });

  it('never rounds up to the next unit', () => {
    expect(plain(formatBytes(999_499))).toBe('999 kB');
    expect(plain(formatBytes(999_600))).toBe('1.00 MB');
  });

  it('writes counts, durations, rates and shares', () => {
    expect(plain(formatCount(6_950_000))).toBe('6.95 M');
    expect(
      [3.21, 85, 999, 3210, 59_000, 61_000, 245_000, 4_320_000].map((ms) =>
        plain(formatDuration(ms)),
      ),
    ).toEqual([
      '3.2 ms',
      '85 ms',
      '999 ms',
      '3.2 s',
      '59 s',
      '1 min 1 s',
      '4 min 5 s',
      '1 h 12 min',
    ]);
    expect(plain(formatRate(12_400_000, 'bytes'))).toBe('12.4 MB/s');
    expect(plain(formatRate(85.34, 'tokens'))).toBe('85.3 tokens/s');
    expect(plain(formatPercent(0.9841))).toBe('98.4 %');
  });
});
