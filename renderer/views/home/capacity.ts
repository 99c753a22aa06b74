/** The share of all memory that a model may take and leave the other programs enough: the same as `fits: yes`. */
const COMFORTABLE_SHARE = 0.7;

/** The runner itself, as the engine counts it. Bytes. */
const WORKING_BYTES = 120e6;

/** The context that a model is given beside its weights. Tokens. */
export const CONTEXT_TOKENS = 4096;

/**
 * Bytes of a float16 KV cache of `CONTEXT_TOKENS` per parameter: 0.54 GB for 8 B parameters with grouped queries, which is
 * what models of today have. Smaller models have relatively more, and more room.
 */
const CACHE_BYTES_PER_PARAMETER = 0.07;

/** Bits per weight over a whole model, embeddings and norms in 16 bit included, as models of 7 B and more come out. */
const wholeModelBits = { 4: 4.6, 8: 8.4, 16: 16 } as const;

export type CapacityBits = keyof typeof wholeModelBits;

export interface Capacity {
  readonly bits: CapacityBits;
  /** Parameters of the largest model that runs well, rounded down to two digits. */
  readonly parameters: number;
}

/** Two digits are all that an estimate can say; down, because up to is a promise. */
function roundedDown(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.floor(value / unit) * unit;
}

/** The largest models that run well beside everything else, per width. @param memoryBytes All memory of the computer. */
export function capacityOf(memoryBytes: number): readonly Capacity[] {
  const room = memoryBytes * COMFORTABLE_SHARE - WORKING_BYTES;
  return ([4, 8, 16] as const).map((bits) => ({
    bits,
    parameters: roundedDown(
      Math.max(0, room) / (wholeModelBits[bits] / 8 + CACHE_BYTES_PER_PARAMETER),
    ),
  }));
}

/** Sizes that models usually have, for marks on the scale. */
export const usualSizes = [1e9, 3e9, 8e9, 20e9, 70e9] as const;

/** The scale's ends: below and above lie the models that hardly anybody runs at home. */
const SCALE_FROM = 0.25e9;
const SCALE_TO = 200e9;

/** Where a number of parameters lies on the logarithmic scale, 0..1. */
export function placeOf(parameters: number): number {
  if (parameters <= SCALE_FROM) return 0;
  const place = Math.log(parameters / SCALE_FROM) / Math.log(SCALE_TO / SCALE_FROM);
  return Math.min(1, place);
}
