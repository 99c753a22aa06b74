import { findDuplicateKey, isWellFormed } from './json-keys.ts';
import { replaceLiterals, scanJson } from './scan-json.ts';
import type { ScanLimits } from './scan-json.ts';

/** How a text is read, in a form that can be sent to a worker. */
export interface TextRules extends ScanLimits {
  /** Python's json module decides what is JSON: NaN, Infinity and -Infinity are numbers. */
  readonly python: boolean;
  /** serde_json decides, as in the reference of safetensors: no half characters, and a size is written with digits alone. */
  readonly strict: boolean;
  readonly duplicateKeys: 'last' | 'refuse';
}

export type TextProblem =
  | { readonly kind: 'limit'; readonly limit: 'depth' | 'values' | 'numeric-keys' }
  | { readonly kind: 'not-utf8' | 'not-json' | 'half-character' | 'lfs-pointer' }
  | { readonly kind: 'duplicate-key'; readonly key: string };

export type TextResult =
  { readonly value: unknown; readonly problem: null } | { readonly problem: TextProblem };

/** How the small text begins that Git LFS leaves in the place of a file that was not downloaded. */
const LFS_POINTER = 'version https://git-lfs.github.com/spec/';

/** Stands for NaN while JSON.parse is at work, which has no word for it: no text of a person begins like this. */
const NAN_MARK = '\u0000nibble:NaN';

function literalInstead(literal: string, { python, strict }: TextRules): string | null {
  if (python) {
    if (literal === 'NaN') return JSON.stringify(NAN_MARK);
    // Beyond the range of a double, which JSON.parse rounds to what Python means.
    if (literal === 'Infinity') return '1e999';
    if (literal === '-Infinity') return '-1e999';
  }
  // Wherever a size is asked for, null is none.
  return strict && /^-?\d/.test(literal) && !/^\d+$/.test(literal) ? 'null' : null;
}

function replaceMarks(_key: string, value: unknown): unknown {
  return value === NAN_MARK ? Number.NaN : value;
}

/** Scans, decodes and parses a text. Never throws for what the text is. */
export function readText(bytes: Uint8Array, rules: TextRules): TextResult {
  const scan = scanJson(bytes, rules);
  if (scan.broken !== null) return { problem: { kind: 'limit', limit: scan.broken } };
  const hasPython = rules.python && scan.hasPythonConstant;
  let text: string;
  try {
    text =
      hasPython || (rules.strict && scan.hasFraction)
        ? replaceLiterals(bytes, (literal) => literalInstead(literal, rules))
        : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: { kind: 'not-utf8' } };
  }
  let value: unknown;
  try {
    value = hasPython ? JSON.parse(text, replaceMarks) : JSON.parse(text);
  } catch {
    return { problem: { kind: text.startsWith(LFS_POINTER) ? 'lfs-pointer' : 'not-json' } };
  }
  if (rules.strict && scan.hasSurrogateEscape && !isWellFormed(value))
    return { problem: { kind: 'half-character' } };
  if (rules.duplicateKeys === 'refuse') {
    const key = findDuplicateKey(text, value, scan.keys);
    if (key !== null) return { problem: { kind: 'duplicate-key', key } };
  }
  return { value, problem: null };
}
