import { InvalidArgumentError } from 'commander';
import type { RequestedDevice } from '../../app/contract/device.ts';
import type { CacheType } from '../../app/contract/sampling.ts';
import { schemeNameSchema, type SchemeName } from '../../app/contract/scheme.ts';

/** Parsers for single option values. Commander prints what they throw and the command ends with code 2. */

export function wholeNumber(
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    // Number() takes an empty text for 0 and reads 0x10 and 1e3.
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum)
      throw new InvalidArgumentError(`It must be a whole number of at least ${minimum}.`);
    if (value > maximum)
      throw new InvalidArgumentError(`It must be a whole number of at most ${maximum}.`);
    return value;
  };
}

export function numberBetween(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`It must be a number from ${minimum} to ${maximum}.`);
    return value;
  };
}

/** `nf4,llm-int8` → scheme names, without repetitions; which there are, the engine says. */
export function schemeList(text: string): SchemeName[] {
  const names = text.split(',').map((name) => name.trim());
  const chosen = new Set<SchemeName>();
  for (const name of names) {
    if (!schemeNameSchema.safeParse(name).success)
      throw new InvalidArgumentError(`'${name}' is not the name of a scheme.`);
    chosen.add(name);
  }
  return [...chosen];
}

/** A text that says something. */
export function someText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** Ids are indexes of 32 bits; which of them a model has, only the model says. */
const MAX_TOKEN_ID = 2 ** 31 - 1;

/** `1,2,3` → token ids. */
export function tokenIds(text: string): number[] {
  return text.split(',').map((part) => {
    const id = wholeNumber(0)(part.trim());
    if (id > MAX_TOKEN_ID) throw new InvalidArgumentError(`No vocabulary has a token ${id}.`);
    return id;
  });
}

/** Options of the commands that generate text. Absent ones fall back to what the model recommends. */
export interface GenerationOptions {
  readonly seed?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly maxTokens?: number;
  readonly mode: 'fast' | 'exact';
  readonly context?: number;
  readonly threads?: number;
  readonly cache?: CacheType;
  readonly device?: RequestedDevice;
  readonly profile?: boolean;
}
