/**
 * What each token is in bytes. A stream needs the bytes of one token at a time, because a character may be spread over
 * several.
 */
import { fromByteLevel } from './byte-level.ts';
import { byteOfToken, createDecoder } from './decoders.ts';
import type { DecoderDefinition } from './definition.ts';
import { decodedLength } from './limits.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface TokenBytes {
  /** Empty for an id that the tokenizer does not know (models pad their vocabulary). */
  bytesOf(id: number): Uint8Array;
  /** Leading spaces that decoding takes off the whole text (SentencePiece puts one in front). */
  readonly leadingSpaces: number;
}

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);

type Steps = readonly DecoderDefinition[];

const stepsOf = (decoder: DecoderDefinition): Steps =>
  decoder.type === 'Sequence' ? decoder.decoders.flatMap(stepsOf) : [decoder];

/** Spaces that a step takes off the beginning of the joined text; null where the step is another. */
function strippedSpaces(step: DecoderDefinition): number | null {
  return step.type === 'Strip' && step.content === ' ' && step.stop === 0 ? step.start : null;
}

/**
 * Steps of SentencePiece with byte fallback: replacements, bytes, then, of the joined text, spaces off its beginning.
 *
 * @returns null where there are others, or these in another order
 */
function readFallback(steps: Steps): { replacements: Steps; leadingSpaces: number } | null {
  const at = steps.findIndex(({ type }) => type === 'ByteFallback');
  const replacements = steps.slice(0, at);
  const [fuse, ...last] = steps.slice(at + 1);
  const leadingSpaces = last.map(strippedSpaces);
  if (at === -1 || replacements.some(({ type }) => type !== 'Replace')) return null;
  if (fuse !== undefined && fuse.type !== 'Fuse') return null;
  let spaces = 0;
  for (const count of leadingSpaces) {
    if (count === null) return null;
    spaces += count;
  }
  return { replacements, leadingSpaces: spaces };
}

/**
 * How tokens become bytes, one by one: in byte-level and byte-fallback vocabularies, which nearly every language model has.
 *
 * @returns null for any other decoder
 */
export function tokenBytes(
  decoder: DecoderDefinition | null,
  tokenizer: Tokenizer,
): TokenBytes | null {
  const steps = decoder === null ? [] : stepsOf(decoder);
  const reader = (
    bytesOfToken: (token: string) => Uint8Array,
    leadingSpaces: number,
  ): TokenBytes => ({
    leadingSpaces,
    bytesOf: (id) => {
      const token = tokenizer.tokenOf(id);
      return token === undefined ? nothing : bytesOfToken(token);
    },
  });
  if (steps.length === 1 && steps[0]?.type === 'ByteLevel') return reader(fromByteLevel, 0);
  const fallback = readFallback(steps);
  if (fallback !== null) {
    const replace = createDecoder({ type: 'Sequence', decoders: fallback.replacements });
    return reader((token) => {
      const text = replace([token], decodedLength(1)).join('');
      const byte = byteOfToken(text);
      return byte >= 0 ? Uint8Array.of(byte) : encoder.encode(text);
    }, fallback.leadingSpaces);
  }
  return null;
}

/** Whether decoding runs regular expressions of the tokenizer's maker, which may take for ever. */
export function decodesByPattern(decoder: DecoderDefinition | null): boolean {
  return (
    decoder !== null &&
    stepsOf(decoder).some((step) => step.type === 'Replace' && step.pattern.kind === 'regex')
  );
}
