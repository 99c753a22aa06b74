import { planned, type GraphSource } from './build-graph.ts';
import { printContribGraph } from './contrib-printer.ts';
import { unfitForGpu, type ContribOptions } from './contrib-weights.ts';
import { cudaObstacle, printCudaText } from './cuda-text.ts';

/** What a graph for a GPU is made for. */
export interface ContribGraph extends ContribOptions {
  /** Positions that its context holds at most. */
  readonly contextLength: number;
}

/**
 * Describes a decoder for native-kernels/cuda: the nodes of the plan, in order, over the same weights as a graph.
 *
 * @returns text, as native-kernels/cuda/decoder/plan.h defines it
 * @throws AppError `malformed-file` when a tensor is missing or does not fit config.json, `unsupported-model` for what
 *   those kernels cannot compute
 */
export function buildCudaText(source: GraphSource): string {
  const { context, plan } = planned(source);
  for (const node of plan.nodes) {
    const obstacle = cudaObstacle(node);
    if (obstacle !== null) throw unfitForGpu(`This ${source.decoder.className}`, obstacle);
  }
  return printCudaText({ ...context, separate: true }, plan);
}

/**
 * Builds the ONNX graph of a model as `buildGraph` does, in ONNX Runtime's own operators.
 *
 * @throws AppError `malformed-file` when a tensor is missing or does not fit config.json, `unsupported-model` when a
 *   GPU has no operator for what the model or a tensor needs
 */
export function buildContribGraph(
  source: GraphSource,
  { contextLength, ...options }: ContribGraph,
): Uint8Array {
  const { context, plan } = planned(source);
  return printContribGraph({ ...context, options }, plan, source.decoder, contextLength);
}
