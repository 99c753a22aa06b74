import type { Alternation, Streams } from '../../models/on-demand.ts';
import type { Walk } from './walk.ts';

/** Several streams beside each other, side by side in one value [T, streams · hiddenSize]. */

function countOf({ projections }: Streams): number {
  return projections.length + 1;
}

/** Takes the streams apart. */
function split(walk: Walk, name: string, streams: Streams, input: string): string[] {
  const count = countOf(streams);
  if (count === 1) return [input];
  const width = walk.decoder.hiddenSize;
  const parts = Array.from({ length: count }, (_, i) => ({ name: `${name}.${i}`, width }));
  walk.nodes.push({ op: 'split', name: `${name}.split`, input, groups: 1, parts });
  return parts.map((part) => part.name);
}

/** A product that is as large as `like`. */
function matched(walk: Walk, name: string, product: string, like: string): string {
  walk.nodes.push({ op: 'match-rms', name, input: product, like });
  return name;
}

/** The streams that the layers begin with. */
export function openStreams(walk: Walk, { projections }: Streams, embedded: string): string {
  const others = projections.map((matrix, i) =>
    matched(
      walk,
      `streams.${i + 1}`,
      walk.linear(`streams.${i + 1}.product`, embedded, matrix),
      embedded,
    ),
  );
  return walk.concat('streams', [embedded, ...others]);
}

/** What they become together, before the last norm. */
export function closeStreams(walk: Walk, streams: Streams, input: string): string {
  const [first = input, ...others] = split(walk, 'end.streams', streams, input);
  const all = others.flatMap((stream, i) => {
    const matrix = streams.returns[i];
    if (matrix === undefined) return [];
    const name = `end.returned.${i + 1}`;
    return [matched(walk, name, walk.linear(`${name}.product`, stream, matrix), first)];
  });
  const sum = all.reduce((a, b, i) => {
    const name = `end.sum.${i + 1}`;
    walk.nodes.push({ op: 'add', name, a, b });
    return name;
  }, first);
  return walk.scaled('end.mean', sum, 1 / countOf(streams));
}

/** What the weights of predictions and corrections are products of. */
function routed(
  walk: Walk,
  name: string,
  { routerNorm, routerScale, router }: Alternation,
  input: string,
): string {
  const normed = walk.norm(`${name}_norm`, input, routerNorm, walk.decoder.hiddenSize);
  const scaled = walk.scaled(`${name}_input`, normed, routerScale);
  const product = walk.linear(`${name}_product`, scaled, router);
  // A cap of 1 is the hyperbolic tangent itself.
  walk.nodes.push({ op: 'softcap', name, input: product, cap: 1 });
  return name;
}

/** The streams as a layer predicts them, and the one that it computes. */
export function predictStreams(
  walk: Walk,
  index: number,
  alternation: Alternation,
  streams: Streams,
  input: string,
): { readonly all: string; readonly active: string } {
  const name = `layers.${index}`;
  const before = split(walk, `${name}.before`, streams, input)[streams.active] ?? input;
  const router = routed(walk, `${name}.predict`, alternation, before);
  const weights = walk.linear(`${name}.prediction`, router, alternation.prediction);
  const all = `${name}.predicted`;
  const width = walk.decoder.hiddenSize;
  walk.nodes.push({ op: 'mix', name: all, input, weights, count: countOf(streams), width });
  return { all, active: split(walk, all, streams, all)[streams.active] ?? all };
}

/**
 * The streams corrected by what a layer computed, together and one by one, and what its own embeddings read.
 *
 * @param layer All predicted streams, the active one, and what the layer made of that.
 */
export function correctStreams(
  walk: Walk,
  index: number,
  alternation: Alternation,
  streams: Streams,
  layer: { readonly all: string; readonly active: string; readonly output: string },
): { readonly all: string; readonly streams: readonly string[]; readonly input: string } {
  const name = `layers.${index}`;
  const router = routed(walk, `${name}.correct`, alternation, layer.output);
  const weights = walk.linear(`${name}.correction`, router, alternation.correction);
  const less = walk.scaled(`${name}.less`, layer.active, -1);
  const added = `${name}.change`;
  walk.nodes.push({ op: 'add', name: added, a: layer.output, b: less });
  const all = `${name}.corrected`;
  const count = countOf(streams);
  const width = walk.decoder.hiddenSize;
  walk.nodes.push({ op: 'spread', name: all, input: layer.all, added, weights, count, width });
  const parts = split(walk, all, streams, all);
  const active = parts[streams.active] ?? all;
  const { inputFactors: tensor } = alternation;
  if (tensor === null) return { all, streams: parts, input: active };
  const input = `${name}.rows_input`;
  walk.nodes.push({ op: 'scale-stored', name: input, input: active, tensor, columns: width });
  return { all, streams: parts, input };
}
