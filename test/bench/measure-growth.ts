import type { Contender } from './contenders.ts';
import { median, type GrowthResult } from './results.ts';
import type { Shape } from './shapes.ts';
import { promptIds } from './trials/prompt.ts';

export interface GrowthSettings {
  readonly rounds: number;
  readonly threads: number;
  readonly lengths: readonly number[];
}

/** Tokens decoded behind each context: few against the context, many against the clock. */
const DECODE_TOKENS = 32;

/**
 * What a token costs behind contexts of several lengths, contenders in turns. llama.cpp evaluates each context once and
 * reads it back from a file in later rounds, so that the first of all its rounds takes minutes and no other.
 */
export function measureGrowth(
  shape: Shape,
  contenders: readonly Contender[],
  { rounds, threads, lengths }: GrowthSettings,
  say: (line: string) => void,
): GrowthResult {
  const prompt = promptIds(Math.max(...lengths));
  const request = { threads, prompt, lengths, decodeTokens: DECODE_TOKENS };
  const found = contenders.map(() =>
    lengths.map((length) => ({
      length,
      msPerToken: [] as number[],
      prefillMsPerToken: [] as number[],
    })),
  );
  for (const contender of contenders) contender.forgetContexts(lengths);
  for (let round = 0; round < rounds; round++)
    for (const [i, { facts, growth }] of contenders.entries()) {
      if (growth === null) throw new Error(`${facts.name} cannot be measured so`);
      const { points } = growth(request);
      for (const [k, { msPerToken, prefillMs, prefillTokens }] of points.entries()) {
        found[i]?.[k]?.msPerToken.push(msPerToken);
        if (prefillMs !== null) found[i]?.[k]?.prefillMsPerToken.push(prefillMs / prefillTokens);
      }
      const texts = points.map(({ length, msPerToken }) => `${length}: ${msPerToken.toFixed(1)}`);
      say(`  round ${round + 1} of ${rounds}: ${facts.name}: ms per token at ${texts.join(', ')}`);
    }
  for (const contender of contenders) contender.forgetContexts(lengths);
  return {
    key: shape.key,
    title: shape.title,
    measuredAt: new Date().toISOString(),
    decodeTokens: DECODE_TOKENS,
    contenders: contenders.map(({ facts }, i) => ({
      name: facts.name,
      program: facts.program,
      points: found[i] ?? [],
    })),
  };
}

/** Speed at the longest context over speed at the shortest, 0..1. */
export function keptSpeed(points: readonly { msPerToken: readonly number[] }[]): number {
  const cost = (at: number): number => median(points.at(at)?.msPerToken ?? []);
  return cost(0) / cost(-1);
}
