import type { NodeOf } from '../plan/index.ts';
import { floatTypes, type GraphWriter } from './graph-writer.ts';

/** The nodes of layers that remember in a state, in our own operators: the runtime keeps the states. */

export type StateNode = NodeOf<'convolution' | 'gated-delta' | 'state-space' | 'gated-norm'>;

/** A stored vector. */
function vector(writer: GraphWriter, name: string, size: number): string {
  return writer.weight(name, { types: floatTypes, shape: [size] });
}

/** Adds a node. @throws AppError `malformed-file` when a tensor is missing or does not fit */
export function printStateNode(writer: GraphWriter, node: StateNode): void {
  switch (node.op) {
    case 'convolution': {
      const { module, channels, taps, bias, silu } = node.convolution;
      const shape = [channels, 1, taps];
      const weight = writer.weight(`${module}.weight`, { types: floatTypes, shape });
      const inputs = [node.input, weight, bias ? vector(writer, `${module}.bias`, channels) : ''];
      writer.operator('CausalConvolution', node.name, inputs, { silu: { int: silu ? 1 : 0 } });
      return;
    }
    case 'gated-delta': {
      const { heads, keyHeads, keyDimension, valueDimension, ...own } = node.delta;
      const tensors = [own.rateTensor, own.stepBiasTensor].map((name) =>
        vector(writer, name, heads),
      );
      const inputs = [node.input, node.decay, node.strength, ...tensors];
      writer.operator('GatedDelta', node.name, inputs, {
        heads: { int: heads },
        key_heads: { int: keyHeads },
        key_dim: { int: keyDimension },
        value_dim: { int: valueDimension },
      });
      return;
    }
    case 'state-space': {
      const { heads, groups, stateDimension, headDimension, ...own } = node.mamba;
      const tensors = [own.rateTensor, own.stepBiasTensor, own.skipTensor].map((name) =>
        vector(writer, name, heads),
      );
      writer.operator('Mamba2', node.name, [node.input, node.step, ...tensors], {
        heads: { int: heads },
        key_heads: { int: groups },
        key_dim: { int: stateDimension },
        value_dim: { int: headDimension },
        least_step: { float: own.leastStep },
        ...(own.largestStep === null ? {} : { largest_step: { float: own.largestStep } }),
      });
      return;
    }
    case 'gated-norm': {
      const { module, epsilon, group, width, isGateFirst } = node.norm;
      const weight = vector(writer, `${module}.weight`, width);
      writer.operator('GatedRmsNorm', node.name, [node.input, node.gate, weight], {
        group: { int: group },
        gate_first: { int: isGateFirst ? 1 : 0 },
        epsilon: { float: epsilon },
      });
      return;
    }
  }
}
