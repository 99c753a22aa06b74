import { randomInt } from 'node:crypto';
import { chatSampling, type Sampling } from '../contract/sampling.ts';
import { readGenerationConfig } from '../run/index.ts';

/** Seeds are shown so that they can be typed again: six digits are enough to be different. */
const SEED_LIMIT = 1_000_000;

/** What a new conversation draws its tokens with: what the model in `directory` recommends, and a seed of its own. */
export async function samplingFor(directory: string): Promise<Sampling> {
  const { sampling } = await readGenerationConfig(directory);
  return { ...chatSampling(sampling), seed: randomInt(SEED_LIMIT) };
}

/**
 * The seed of an answer: the conversation's own for the first, the next one for each that is asked for again. So a
 * conversation that is replayed gives the same texts, and an answer that is asked for again a new one, except at
 * temperature 0, where no seed is asked.
 *
 * @param siblings answers that the question has already
 */
export function seedOfAnswer(seed: number, siblings: number): number {
  const room = Number.MAX_SAFE_INTEGER - seed;
  return siblings <= room ? seed + siblings : siblings - room - 1;
}
