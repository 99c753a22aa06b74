// Routers of every kind, against plain code in float64. Each expert says a unit vector, so that a token's weights are read
// off the output.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Attribute } from '../../app/run/graph/onnx.ts';
import {
  at,
  countTo,
  f32,
  node,
  noise,
  openGraph,
  writeGraph,
  type Graph,
} from './runtime-graphs.ts';

const EXPERTS = 8;
const SILU_OF_1 = 1 / (1 + Math.exp(-1));

interface Rule {
  readonly perToken: number;
  readonly scores?: 'softmax' | 'sigmoid' | 'sparse_mixer';
  readonly jitter?: number;
  readonly correction?: readonly number[];
  readonly groups?: { count: number; chosen: number; twoBest: boolean };
  readonly normalized?: { epsilon: number; leastSum: number };
  readonly scale?: number;
  readonly expertScales?: readonly number[];
}

function best(values: readonly number[], count: number): number[] {
  // Stable: of equal ones the first.
  return countTo(values.length)
    .sort((a, b) => at(values, b) - at(values, a))
    .slice(0, count);
}

/** Weight of every expert. */
function expected(logits: readonly number[], rule: Rule): number[] {
  const weights = countTo(EXPERTS).map(() => 0);
  const largest = Math.max(...logits);
  if (rule.scores === 'sparse_mixer') {
    const left = new Set(countTo(EXPERTS));
    while (left.size > EXPERTS - 2) {
      const own = [...left].reduce((a, b) => (at(logits, b) > at(logits, a) ? b : a));
      const top = at(logits, own);
      const close = [...left].filter(
        (i) =>
          // Of zeros alone there is no share.
          !(
            (top - at(logits, i)) / Math.max(Math.abs(at(logits, i)), top) >
            2 * (rule.jitter ?? 0)
          ),
      );
      weights[own] = 1 / close.reduce((sum, i) => sum + Math.exp(at(logits, i) - top), 0);
      left.delete(own);
    }
    return weights;
  }
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  const scores = logits.map((logit) =>
    rule.scores === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - largest) / sum,
  );
  const choice = scores.map((score, i) => score + (rule.correction?.[i] ?? 0));
  if (rule.groups !== undefined) {
    const { count, chosen, twoBest } = rule.groups;
    const size = EXPERTS / count;
    const own = (group: number): number[] => countTo(size).map((i) => group * size + i);
    const goods = countTo(count).map((group) =>
      own(group)
        .map((i) => at(choice, i))
        .sort((a, b) => b - a)
        .slice(0, twoBest ? 2 : 1)
        .reduce((a, b) => a + b, 0),
    );
    const kept = new Set(best(goods, chosen).flatMap(own));
    countTo(EXPERTS).forEach((i) => {
      if (!kept.has(i)) choice[i] = -Infinity;
    });
  }
  const chosen = best(choice, rule.perToken);
  const total = chosen.reduce((all, i) => all + at(scores, i), 0);
  const { normalized } = rule;
  const divisor =
    normalized === undefined ? 1 : Math.max(total, normalized.leastSum) + normalized.epsilon;
  for (const i of chosen)
    weights[i] = (at(scores, i) / divisor) * (rule.scale ?? 1) * (rule.expertScales?.[i] ?? 1);
  return weights;
}

function attributesOf(rule: Rule): Record<string, Attribute> {
  const { groups, normalized } = rule;
  return {
    experts: { int: EXPERTS },
    experts_per_token: { int: rule.perToken },
    normalized: { int: normalized === undefined ? 0 : 1 },
    gelu: { int: 0 },
    scores: { text: rule.scores ?? 'softmax' },
    jitter: { float: rule.jitter ?? 0 },
    groups: { int: groups?.count ?? 0 },
    chosen_groups: { int: groups?.chosen ?? 0 },
    two_best: { int: groups?.twoBest === true ? 1 : 0 },
    sum_epsilon: { float: normalized?.epsilon ?? 0 },
    least_sum: { float: normalized?.leastSum ?? 0 },
    scale: { float: rule.scale ?? 1 },
  };
}

/** What each of several tokens gets of every expert. @param factor Of what a token says. */
async function weightsOf(
  tokens: readonly (readonly number[])[],
  rule: Rule,
  { weighsInput = false } = {},
): Promise<number[][]> {
  // Column 0 of x is 1; the logits are rows of a table of their own.
  const x = tokens.flatMap(() => countTo(EXPERTS).map((i) => (i === 0 ? 1 : 0)));
  const tensors = {
    x_table: f32([tokens.length, EXPERTS], x),
    logits_table: f32([tokens.length, EXPERTS], tokens.flat()),
  };
  // The unit vectors, then the numbers of the router.
  const unit = countTo(EXPERTS * EXPERTS).map((i) => (i % (EXPERTS + 1) === 0 ? 1 : 0));
  const numbers = [rule.correction, rule.expertScales];
  const rest = numbers.flatMap((values) => values ?? countTo(EXPERTS).map(() => 0));
  const file = `${path.basename(writeGraph(new Uint8Array()), '.onnx')}.safetensors`;
  const folder = path.dirname(writeGraph(new Uint8Array()));
  writeFileSync(path.join(folder, file), Float32Array.from([...unit, ...rest]));
  const row = (input: number, index: number, shape: string): string =>
    `${input} F32 ${index * EXPERTS * 4} ${shape}/${file}`;
  const stored = [
    ...numbers.flatMap((values, i) =>
      values === undefined ? [] : [row(2 + i, EXPERTS + i, `${EXPERTS}`)],
    ),
    ...countTo(3 * EXPERTS).map((part) =>
      part % 3 === 2
        ? row(4 + 7 * part, Math.floor(part / 3), `${EXPERTS} 1`)
        : row(4 + 7 * part, 0, `1 ${EXPERTS}`),
    ),
  ].join('/');
  const sizes = Object.fromEntries(
    countTo(3 * EXPERTS).flatMap((part) => {
      const isDown = part % 3 === 2;
      const suffix = part === 0 ? '' : String(part);
      return [
        [`format${suffix}`, { text: 'f32' }],
        [`out_features${suffix}`, { int: isDown ? EXPERTS : 1 }],
        [`in_features${suffix}`, { int: isDown ? 1 : EXPERTS }],
      ];
    }),
  ) as Record<string, Attribute>;
  const nodes: Graph['nodes'] = [
    node('Embedding', 'x', ['input_ids', 'x_table']),
    node('Embedding', 'logits_in', ['input_ids', 'logits_table']),
    node('Experts', 'y', ['x', 'logits_in'], {
      ...attributesOf(rule),
      ...sizes,
      ...(weighsInput ? { weighs_input: { int: 1 } } : {}),
      stored: { text: stored },
    }),
  ];
  const model = await openGraph({ nodes, tensors, result: 'y', width: EXPERTS });
  const y = await model.evaluate(countTo(tokens.length), { rows: 'all' });
  return tokens.map((_, token) => countTo(EXPERTS).map((i) => at(y, token * EXPERTS + i)));
}

const random = countTo(6).map((token) =>
  Array.from(noise(EXPERTS, token + 1), (value) => Math.fround(4 * value)),
);
/** Equal logits, equal pairs, and numbers so far apart that only one counts. */
const ties = [
  countTo(EXPERTS).map(() => 0.5),
  [1, 2, 2, 1, 2, 1, 2, 1],
  [-3, -3, -3, -3, -1, -1, -1, -1],
  [90, -90, 0, 0, 0, 0, 0, 0],
  [-1, -2, -3, -4, -5, -6, -7, -8],
];
/** Sums of these are exact in float32, too. */
const correction = [0.25, -0.125, 0, 0.125, 0.5, -0.5, 0.25, 0];
const expertScales = [1, 2, 0.5, 1, 3, 1, 0.25, 1];

const rules: [string, Rule][] = [
  ['softmax over all', { perToken: 3 }],
  ['softmax, renormalized', { perToken: 3, normalized: { epsilon: 0, leastSum: 0 } }],
  ['one expert', { perToken: 1, normalized: { epsilon: 0, leastSum: 0 } }],
  ['all experts', { perToken: EXPERTS }],
  [
    'softmax with factors of the experts',
    { perToken: 2, normalized: { epsilon: 0, leastSum: 0 }, expertScales, scale: 1.5 },
  ],
  [
    'softmax, corrected, a sum of at least so much',
    { perToken: 2, correction, normalized: { epsilon: 0, leastSum: 0.75 } },
  ],
  ['sigmoid', { perToken: 2, scores: 'sigmoid' }],
  [
    'sigmoid, corrected, renormalized',
    { perToken: 3, scores: 'sigmoid', correction, normalized: { epsilon: 1e-6, leastSum: 0 } },
  ],
  [
    'sigmoid in groups',
    {
      perToken: 2,
      scores: 'sigmoid',
      correction,
      groups: { count: 4, chosen: 2, twoBest: true },
      normalized: { epsilon: 1e-20, leastSum: 0 },
      scale: 2.5,
    },
  ],
  [
    'softmax in groups',
    { perToken: 3, groups: { count: 4, chosen: 2, twoBest: false }, scale: 16 },
  ],
  ['sparse mixer', { perToken: 2, scores: 'sparse_mixer', jitter: 0.1 }],
  ['sparse mixer without a jitter', { perToken: 2, scores: 'sparse_mixer' }],
];

describe.each(rules)('%s', (_, rule) => {
  it.each([
    ['random logits', random],
    ['ties and extremes', ties],
  ])('weighs as plain code does: %s', async (_name, tokens) => {
    const found = await weightsOf(tokens, rule);
    tokens.forEach((logits, token) => {
      const wanted = expected(logits, rule);
      at(found, token).forEach((value, i) =>
        expect(value / SILU_OF_1).toBeCloseTo(at(wanted, i), 5),
      );
    });
  });
});

it('weighs what an expert reads', async () => {
  const rule: Rule = { perToken: 2, scores: 'sigmoid' };
  const found = await weightsOf(random, rule, { weighsInput: true });
  random.forEach((logits, token) => {
    expected(logits, rule).forEach((weight, i) => {
      // silu(w · 1) · (w · 1)
      const wanted = (weight * weight) / (1 + Math.exp(-weight));
      expect(at(at(found, token), i)).toBeCloseTo(wanted, 5);
    });
  });
});

it.each<[string, Rule]>([
  ['more experts than there are', { perToken: EXPERTS + 1 }],
  ['groups of unequal size', { perToken: 2, groups: { count: 3, chosen: 1, twoBest: false } }],
  ['groups too small', { perToken: 3, groups: { count: 4, chosen: 1, twoBest: true } }],
  ['a sparse mixer of three', { perToken: 3, scores: 'sparse_mixer' }],
])('refuses %s', async (_, rule) => {
  await expect(weightsOf(random, rule)).rejects.toMatchObject({ code: 'malformed-file' });
});
