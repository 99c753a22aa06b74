/**
 * The one way numbers become words, for the command line, the screen and every message: GB = 10^9 bytes, a unit always,
 * a narrow no-break space before it, signs and names of units in the reader's language.
 */

const SPACE = '\u202f';

/** Names of units that differ between languages; the others (kB, ms, dB, %) are international. */
interface Units {
  /** `[one, several]`. */
  readonly bytes: readonly [string, string];
  readonly bits: readonly [string, string];
  /** Thousand, million, thousand millions, million millions. */
  readonly counts: readonly [string, string, string, string];
}

const english: Units = {
  bytes: ['byte', 'bytes'],
  bits: ['bit', 'bits'],
  counts: ['k', 'M', 'B', 'T'],
};
const german: Units = {
  bytes: ['Byte', 'Byte'],
  bits: ['Bit', 'Bit'],
  counts: ['Tsd.', 'Mio.', 'Mrd.', 'Bio.'],
};

export interface Format {
  /** Bytes: `512 bytes`, `14.1 MB`, `4.72 GB`. */
  readonly bytes: (bytes: number) => string;
  /** A count of parameters or tokens: `6.95 M`, `1.04 B`. */
  readonly count: (count: number) => string;
  /** A number in full, rounded to a whole one: `28,883`. */
  readonly whole: (value: number) => string;
  /** A number with so many digits after its decimal sign: `25.70`. */
  readonly fixed: (value: number, digits: number) => string;
  /** Milliseconds as a person says them: `85 ms`, `3.2 s`, `4 min 5 s`, `1 h 12 min`. */
  readonly duration: (ms: number) => string;
  /** Units per second: `12.4 MB/s`, `85.3 tokens/s`. `unit`: `bytes`, or a word in the reader's language. */
  readonly rate: (perSecond: number, unit: string) => string;
  /** Decibels: `20.7 dB`. */
  readonly decibels: (db: number) => string;
  /** A share 0..1 in percent: `98.4 %`. */
  readonly percent: (share: number, digits?: number) => string;
  /** Bits per weight: `4.127 bits`. */
  readonly bits: (bitsPerWeight: number) => string;
  /** A number without a unit to so many significant figures (three): `12.3`, `0.0042`, `3.1e-7`. */
  readonly figure: (value: number, digits?: number) => string;
  /** A perplexity with its standard error where that is known: `12.34 ± 0.21`. */
  readonly perplexity: (perplexity: number, error?: number) => string;
}

function makeFormat(language: string): Format {
  const units = language.startsWith('de') ? german : english;
  const fixers = new Map<number, Intl.NumberFormat>();
  const fixed = (value: number, digits: number): string => {
    const known = fixers.get(digits);
    if (known !== undefined) return known.format(value);
    const made = new Intl.NumberFormat(language, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    fixers.set(digits, made);
    return made.format(value);
  };
  const whole = (value: number): string => fixed(value, 0);

  const scaled = (value: number, names: readonly string[]): string => {
    let unit = 0;
    let rest = value;
    // 999.5 would be printed as 1000.
    while (rest >= 999.5 && unit < names.length - 1) {
      rest /= 1000;
      unit++;
    }
    const digits = unit === 0 ? 0 : rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
    const name = names[unit] ?? '';
    return name === '' ? fixed(rest, digits) : `${fixed(rest, digits)}${SPACE}${name}`;
  };
  const named = (text: string, [one, several]: readonly [string, string]): string =>
    `${text}${SPACE}${text === '1' ? one : several}`;

  const bytes = (value: number): string =>
    Math.round(value) === 1
      ? named('1', units.bytes)
      : scaled(value, [units.bytes[1], 'kB', 'MB', 'GB', 'TB']);
  return {
    bytes,
    count: (count) => scaled(count, ['', ...units.counts]),
    whole,
    fixed,
    duration: (ms) => {
      if (ms < 1000) return `${ms < 10 ? fixed(ms, 1) : whole(ms)}${SPACE}ms`;
      const seconds = ms / 1000;
      if (seconds < 59.95) return `${fixed(seconds, seconds < 9.95 ? 1 : 0)}${SPACE}s`;
      const rounded = Math.round(seconds);
      if (rounded < 3600) return `${Math.floor(rounded / 60)}${SPACE}min ${rounded % 60}${SPACE}s`;
      const minutes = Math.round(rounded / 60);
      return `${whole(Math.floor(minutes / 60))}${SPACE}h ${minutes % 60}${SPACE}min`;
    },
    rate: (perSecond, unit) =>
      unit === 'bytes'
        ? `${bytes(perSecond)}/s`
        : `${fixed(perSecond, perSecond >= 99.95 ? 0 : 1)}${SPACE}${unit}/s`,
    decibels: (db) => `${fixed(db, 1)}${SPACE}dB`,
    percent: (share, digits = 1) => `${fixed(share * 100, digits)}${SPACE}%`,
    bits: (bitsPerWeight) => named(fixed(bitsPerWeight, 3), units.bits),
    figure: (value, digits = 3) => {
      const rounded = Number(value.toPrecision(digits));
      const text =
        value !== 0 && Math.abs(value) < 0.001 ? rounded.toExponential() : String(rounded);
      return text.replace('.', fixed(0.5, 1).charAt(1));
    },
    perplexity: (perplexity, error) => {
      const digits = perplexity >= 999.5 ? 0 : perplexity >= 99.95 ? 1 : 2;
      const value = fixed(perplexity, digits);
      return error === undefined
        ? value
        : `${value}${SPACE}±${SPACE}${fixed(error, Math.max(digits, error < 0.005 ? 4 : digits))}`;
    },
  };
}

/** Making number formats takes as long as writing a hundred numbers: one set per language. */
const formats = new Map<string, Format>();

/** How numbers are written in a language, e.g. `en`, `de`, `de-AT`. */
export function formatIn(language: string): Format {
  const known = formats.get(language) ?? makeFormat(language);
  formats.set(language, known);
  return known;
}

/** The same in English, which the command line, reports and messages of the engine are written in. */
export const {
  bytes: formatBytes,
  count: formatCount,
  duration: formatDuration,
  rate: formatRate,
  decibels: formatDecibels,
  percent: formatPercent,
  bits: formatBits,
  figure: formatFigure,
  perplexity: formatPerplexity,
} = formatIn('en');
