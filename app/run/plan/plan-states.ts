import type { GatedConvolution, GatedDelta, Mamba2, ScaledMatrix } from '../../models/index.ts';
import type { NamedMatrix } from './plan.ts';
import type { Walk } from './walk.ts';

/** The walk through layers that remember in states: each returns what the output's matrix reads. */

export function addGatedDelta(walk: Walk, layer: number, delta: GatedDelta, input: string): string {
  const name = `layers.${layer}`;
  const own = [delta.gate, ...delta.mixed].map((matrix, i) => ({
    ...matrix,
    name: i === 0 ? `${name}.gate_z` : `${name}.delta_mixed.${i}`,
  }));
  const [gate = '', ...mixed] = walk.linears(`${name}.delta_in`, input, own);
  const [decay = '', strength = ''] = walk.linears(`${name}.decay_strength`, input, [
    { ...delta.decay, name: `${name}.decay` },
    { ...delta.strength, name: `${name}.strength` },
  ]);
  const convolved = `${name}.convolution`;
  const { convolution, norm } = delta;
  const side = walk.concat(`${name}.delta_mixed`, mixed);
  walk.nodes.push({ op: 'convolution', name: convolved, input: side, convolution });
  const state = `${name}.delta`;
  walk.nodes.push({ op: 'gated-delta', name: state, delta, input: convolved, decay, strength });
  walk.nodes.push({ op: 'gated-norm', name: `${name}.delta_norm`, input: state, gate, norm });
  return `${name}.delta_norm`;
}

export function addGatedConvolution(
  walk: Walk,
  layer: number,
  { before, after, input: from, convolution }: GatedConvolution,
  input: string,
): string {
  const name = `layers.${layer}`;
  const [opening = '', closing = '', values = ''] = walk.linears(`${name}.convolution_in`, input, [
    { ...before, name: `${name}.before` },
    { ...after, name: `${name}.after` },
    { ...from, name: `${name}.values` },
  ]);
  const opened = walk.multiplied(`${name}.opened`, opening, values);
  const convolved = `${name}.convolution`;
  walk.nodes.push({ op: 'convolution', name: convolved, input: opened, convolution });
  return walk.multiplied(`${name}.closed`, closing, convolved);
}

export function addMamba2(walk: Walk, layer: number, mamba: Mamba2, input: string): string {
  const name = `layers.${layer}`;
  const { convolution, norm } = mamba;
  const named = (part: string, matrix: ScaledMatrix): NamedMatrix & ScaledMatrix => ({
    ...matrix,
    name: `${name}.mamba_${part}`,
  });
  const parts = [
    named('gate', mamba.gate),
    named('values', mamba.values),
    named('keys', mamba.keys),
    named('queries', mamba.queries),
    named('step', mamba.step),
  ];
  walk.linears(`${name}.mamba_in`, input, parts);
  const [gate = '', values = '', keys = '', queries = '', step = ''] = parts.map((part) =>
    walk.scaled(`${part.name}.scaled`, part.name, part.scale ?? 1),
  );
  const mixed = walk.concat(`${name}.mamba_mixed`, [values, keys, queries]);
  const convolved = `${name}.mamba_convolution`;
  walk.nodes.push({ op: 'convolution', name: convolved, input: mixed, convolution });
  const state = `${name}.mamba`;
  walk.nodes.push({ op: 'state-space', name: state, mamba, input: convolved, step });
  const output = `${name}.mamba_gated`;
  if (norm === null)
    walk.nodes.push({ op: 'gated', name: output, activation: 'silu', gate, up: state });
  else walk.nodes.push({ op: 'gated-norm', name: output, input: state, gate, norm });
  return output;
}
