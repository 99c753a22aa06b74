import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatIn,
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

describe('format in the language of the reader', () => {
  const german = formatIn('de');

  it('writes decimal signs, thousands and units of German', () => {
    expect(plain(german.bits(6.923))).toBe('6,923 Bit');
    expect(plain(german.decibels(20.6))).toBe('20,6 dB');
    expect(plain(german.bytes(14_123_456))).toBe('14,1 MB');
    expect(plain(german.bytes(512))).toBe('512 Byte');
    expect(plain(german.count(6_950_000_000))).toBe('6,95 Mrd.');
    expect(plain(german.percent(0.984))).toBe('98,4 %');
    expect(plain(german.rate(85.34, 'Token'))).toBe('85,3 Token/s');
    expect(plain(german.perplexity(25.7, 0.45))).toBe('25,70 ± 0,45');
    expect(german.whole(28_883)).toBe('28.883');
    expect(german.figure(0.004_21)).toBe('0,00421');
    expect(german.figure(3.1e-7)).toBe('3,1e-7');
  });

  it('has a singular for one', () => {
    expect(plain(formatBytes(1))).toBe('1 byte');
    expect(plain(formatIn('en').bits(1))).toBe('1.000 bits');
    expect(plain(german.bytes(1))).toBe('1 Byte');
  });

  it('tells thousands from decimals in both languages', () => {
    expect(formatIn('en').whole(1024)).toBe('1,024');
    expect(formatIn('en').fixed(1024.5, 2)).toBe('1,024.50');
    expect(german.fixed(1024.5, 2)).toBe('1.024,50');
  });
});
