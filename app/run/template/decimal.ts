/** A finite double as mantissa × 2 to the exponent, without loss. */
function parts(value: number): { mantissa: bigint; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const raw = view.getBigUint64(0);
  const biased = Number(raw >> 52n);
  const fraction = raw & ((1n << 52n) - 1n);
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | (1n << 52n), exponent: biased - 1075 };
}

/** numerator / denominator, rounded to the nearest and from the middle to the even. */
function roundHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}

/** |value| times 10 to `digits`, rounded as Python rounds. */
function scaled(value: number, digits: number): bigint {
  const { mantissa, exponent } = parts(value);
  const up = 10n ** BigInt(Math.max(0, digits)) * (1n << BigInt(Math.max(0, exponent)));
  const down = 10n ** BigInt(Math.max(0, -digits)) * (1n << BigInt(Math.max(0, -exponent)));
  return roundHalfEven(mantissa * up, down);
}

/** The digits of |value| with `digits` of them behind the point, exactly rounded. */
export function fixedDigits(value: number, digits: number): string {
  const text = scaled(value, digits)
    .toString()
    .padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** |value| as one digit, `digits` more, and the exponent of 10. */
export function exponentDigits(
  value: number,
  digits: number,
): { digits: string; exponent: number } {
  if (value === 0) return { digits: '0'.repeat(digits + 1), exponent: 0 };
  let exponent = Math.floor(Math.log10(Math.abs(value)));
  // The logarithm may be off by one, and rounding may add a digit.
  for (const guess of [exponent - 1, exponent, exponent + 1]) {
    const text = scaled(value, digits - guess).toString();
    if (text.length === digits + 1) return { digits: text, exponent: guess };
    exponent = guess;
  }
  return { digits: '1'.padEnd(digits + 1, '0'), exponent };
}

/** Python's round() of a float. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || value === 0 || digits > 330) return value;
  if (digits < -310) return value < 0 ? -0 : 0;
  const whole = scaled(value, digits);
  const size = Number(`${whole}e${-digits}`);
  return value < 0 ? -size : size;
}

/** Python's round() of an int to a place before the point. */
export function roundInteger(value: bigint, digits: number): bigint {
  if (digits >= 0) return value;
  if (digits < -5000) return 0n;
  const unit = 10n ** BigInt(-digits);
  const size = roundHalfEven(value < 0n ? -value : value, unit) * unit;
  return value < 0n ? -size : size;
}
