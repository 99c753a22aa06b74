import { readFileSync } from 'node:fs';
import path from 'node:path';
import { nibbleLogits, type Contender } from './contenders.ts';
import type { Shape } from './shapes.ts';
import { promptIds } from './trials/prompt.ts';

/** Long enough that a wrong rotation of positions shows, short enough for the exact arithmetic of the largest shape. */
const PROMPT_TOKENS = 32;

/**
 * What the logits' correlation with the unquantized model's must reach, or the two sides do not run the same model. On
 * random weights nothing averages out: with SmolLM2-135M's shape 4-bit files gave 0.92 and 0.93, with Llama-3.2-1B's the
 * lowest gave 0.81; 8-bit files, which would show a wrong rotation or a wrong order of rows as well, 0.998 and more.
 */
const LEAST_CORRELATION = { 4: 0.7, 8: 0.99 } as const;

/** The fast arithmetic against the exact one, with the same artifact. */
const LEAST_FAST_CORRELATION = 0.995;

/** Pearson's. */
function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanA = mean(a);
  const meanB = mean(b);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const deltaA = (a[i] ?? 0) - meanA;
    const deltaB = (b[i] ?? 0) - meanB;
    product += deltaA * deltaB;
    squareA += deltaA ** 2;
    squareB += deltaB ** 2;
  }
  return product / Math.sqrt(squareA * squareB);
}

export interface ValidateOptions {
  readonly shape: Shape;
  readonly contenders: readonly Contender[];
  /** Artifact that keeps the 16-bit weights. */
  readonly reference: string;
  /** Nibble's quantized artifacts. */
  readonly artifacts: readonly string[];
  readonly work: string;
  readonly threads: number;
}

/**
 * Lets everyone say what comes after the same prompt, before anyone is timed.
 *
 * @returns the correlation of each contender's logits with those of the 16-bit weights in exact arithmetic
 * @throws Error when a number is not finite or someone runs another model
 */
export function validate(options: ValidateOptions): number[] {
  const { shape, contenders, reference, artifacts, work, threads } = options;
  const output = path.join(work, 'logits.f32');
  const { vocabularySize } = shape;
  const request = { prompt: promptIds(PROMPT_TOKENS), threads, output, vocabularySize };
  const logitsOf = (name: string, write: () => void): Float32Array => {
    write();
    const bytes = readFileSync(output);
    const logits = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice();
    if (logits.length !== vocabularySize || !logits.every(Number.isFinite))
      throw new Error(`${name} does not give ${vocabularySize} finite logits on ${shape.title}`);
    return logits;
  };
  const exact = (directory: string): Float32Array =>
    logitsOf(directory, () => {
      nibbleLogits(directory, 'exact', request);
    });
  for (const directory of artifacts) {
    const fast = logitsOf(directory, () => {
      nibbleLogits(directory, 'fast', request);
    });
    const found = correlation(fast, exact(directory));
    if (found < LEAST_FAST_CORRELATION)
      throw new Error(
        `${directory}: fast and exact logits correlate by ${found.toFixed(5)}, not ${LEAST_FAST_CORRELATION}`,
      );
  }
  const truth = exact(reference);
  return contenders.map(({ facts, logits }) => {
    const found = correlation(
      truth,
      logitsOf(facts.name, () => {
        logits(request);
      }),
    );
    const least = LEAST_CORRELATION[facts.bits];
    if (found < least)
      throw new Error(
        `${facts.name} correlates with ${shape.title} by ${found.toFixed(4)}, not ${least}: it runs another model`,
      );
    return found;
  });
}
