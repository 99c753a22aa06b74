/**
 * The one way numbers become words, for the command line, the screen and every message: GB = 10^9 bytes, a unit always,
 * a narrow no-break space before it.
 */

const SPACE = '\u202f';

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  // 999.5 would be printed as 1000.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 ? 0 : rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)}${units[unit] ?? ''}`;
}

/** Bytes: `512 bytes`, `14.1 MB`, `4.72 GB`. */
export function formatBytes(bytes: number): string {
  return scaled(
    bytes,
    [' bytes', ' kB', ' MB', ' GB', ' TB'].map((unit) => unit.replace(' ', SPACE)),
  );
}

/** A count of parameters or tokens: `6.95 M`, `1.04 B`. */
export function formatCount(count: number): string {
  return scaled(count, ['', `${SPACE}k`, `${SPACE}M`, `${SPACE}B`, `${SPACE}T`]);
}

/** Milliseconds as a person says them: `85 ms`, `3.2 s`, `4 min 5 s`, `1 h 12 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)}${SPACE}ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)}${SPACE}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}${SPACE}min ${whole % 60}${SPACE}s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}${SPACE}h ${minutes % 60}${SPACE}min`;
}

/** Units per second: `12.4 MB/s`, `85.3 tokens/s`. */
export function formatRate(perSecond: number, unit: string): string {
  if (unit === 'bytes') return `${formatBytes(perSecond)}/s`;
  return `${perSecond >= 99.95 ? perSecond.toFixed(0) : perSecond.toFixed(1)}${SPACE}${unit}/s`;
}

/** Decibels: `20.7 dB`. */
export function formatDecibels(db: number): string {
  return `${db.toFixed(1)}${SPACE}dB`;
}

/** A share 0..1 in percent: `98.4 %`. */
export function formatPercent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)}${SPACE}%`;
}

/** Bits per weight: `4.127 bits`. */
export function formatBits(bitsPerWeight: number): string {
  return `${bitsPerWeight.toFixed(3)}${SPACE}bits`;
}

/** A number without a unit to three significant figures: `12.3`, `0.0042`, `3.1e-7`. */
export function formatFigure(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return Number(value.toPrecision(3)).toExponential();
  return String(Number(value.toPrecision(3)));
}

/** A perplexity with its standard error where that is known: `12.34 ± 0.21`. */
export function formatPerplexity(perplexity: number, error?: number): string {
  const digits = perplexity >= 999.5 ? 0 : perplexity >= 99.95 ? 1 : 2;
  const value = perplexity.toFixed(digits);
  return error === undefined
    ? value
    : `${value}${SPACE}±${SPACE}${error.toFixed(Math.max(digits, error < 0.005 ? 4 : digits))}`;
}
