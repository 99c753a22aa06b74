/** What a field for an optional number says: null is empty, which leaves the choice to Nibble. */
export type ReadNumber =
  { readonly ok: true; readonly value: number | null } | { readonly ok: false };

/** The contract's limits, which the engine checks again. */
export const limits = {
  threads: { min: 1, max: 1024 },
  contextLength: { min: 128, max: 1_000_000 },
} as const;

/** Reads a whole number between the limits; blanks and separators between thousands do not matter. */
export function readNumber(
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): ReadNumber {
  const plain = text.replace(/[\s\u202f\u00a0]/g, '');
  if (plain === '') return { ok: true, value: null };
  // `8.192` and `8,192` are thousands, `8.5` is no whole number.
  const digits = plain.replace(/[.,](?=\d{3}(?:\D|$))/g, '');
  if (!/^\d{1,9}$/.test(digits)) return { ok: false };
  const value = Number(digits);
  return value >= min && value <= max ? { ok: true, value } : { ok: false };
}

/** Reads the address of a hub; empty leaves the choice to Nibble. */
export function readEndpoint(
  text: string,
): { readonly ok: true; readonly value: string | null } | { readonly ok: false } {
  const trimmed = text.trim().replace(/\/+$/, '');
  if (trimmed === '') return { ok: true, value: null };
  if (!/^https?:\/\/[^/]/i.test(trimmed) || !URL.canParse(trimmed)) return { ok: false };
  return { ok: true, value: trimmed };
}
