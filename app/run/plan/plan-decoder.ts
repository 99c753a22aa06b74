import { AppError } from '../../contract/error.ts';
import type {
  Attention,
  Decoder,
  DecoderLayer,
  DenseAndExperts,
  FeedForward,
  GatedFeedForward,
  LayerEmbeddings,
  LayerInput,
  Mixer,
  Norm,
  ParallelMixers,
  Streams,
  UngatedFeedForward,
} from '../../models/on-demand.ts';
import type { Plan } from './plan.ts';
import { addLatentAttention } from './plan-latent.ts';
import { addGatedConvolution, addGatedDelta, addMamba2 } from './plan-states.ts';
import { closeStreams, correctStreams, openStreams, predictStreams } from './plan-streams.ts';
import { quantile } from './quantile.ts';
import { attentionsNorm, Walk } from './walk.ts';

/** The residual stream, and the same after the next block's norm. */
interface Stream {
  readonly stream: string;
  readonly normed: string;
}

function addAttention(walk: Walk, layer: number, attention: Attention, input: string): string {
  const name = `layers.${layer}`;
  const { heads, kvHeads, headDimension, queryNorm, keyNorm, outputGate } = attention;
  const { rotaryEmbeddings } = walk.decoder;
  const parts = [
    { ...attention.query, name: `${name}.q` },
    ...(attention.key === null ? [] : [{ ...attention.key, name: `${name}.k` }]),
    ...(attention.value === null ? [] : [{ ...attention.value, name: `${name}.v` }]),
    ...(outputGate === null ? [] : [{ ...outputGate, name: `${name}.output_gate` }]),
  ];
  walk.linears(`${name}.qkv`, input, parts);
  const query = `${name}.q`;
  const key = `${name}.k`;
  const value = attention.value === null ? key : `${name}.v`;
  const gate = `${name}.output_gate`;
  walk.nodes.push({
    op: 'attention',
    name: `${name}.attention`,
    layer: attention.cacheOf ?? layer,
    attention: {
      ...attention,
      queryNorm: attentionsNorm(queryNorm),
      keyNorm: attentionsNorm(keyNorm),
    },
    query: walk.headNorm(`${name}.q_norm`, query, queryNorm, heads, headDimension),
    own:
      attention.key === null
        ? null
        : {
            key: walk.headNorm(`${name}.k_norm`, key, keyNorm, kvHeads, headDimension),
            value,
          },
    epsilon: queryNorm?.epsilon ?? attention.valueNorm?.epsilon ?? walk.decoder.finalNorm.epsilon,
    interleaved: rotaryEmbeddings[attention.rope ?? -1]?.interleaved ?? false,
  });
  if (outputGate === null) return `${name}.attention`;
  walk.nodes.push({ op: 'open', name: `${name}.opened`, input: `${name}.attention`, gate });
  return `${name}.opened`;
}

/** What a mixer computes, before its output's matrix. */
function addInner(
  walk: Walk,
  layer: number,
  mixer: Exclude<Mixer, ParallelMixers>,
  input: string,
): string {
  switch (mixer.kind) {
    case 'attention':
      return addAttention(walk, layer, mixer, input);
    case 'latent-attention':
      return addLatentAttention(walk, layer, mixer, input);
    case 'gated-delta':
      return addGatedDelta(walk, layer, mixer, input);
    case 'gated-convolution':
      return addGatedConvolution(walk, layer, mixer, input);
    case 'state-space':
      return addMamba2(walk, layer, mixer, input);
  }
}

/**
 * @param isLast Behind the last mixer nothing looks at other tokens any more: only the rows whose logits are wanted go on.
 * @param part Behind the names of nodes, where a layer has several mixers.
 */
function addMixer(
  walk: Walk,
  layer: number,
  mixer: Mixer,
  input: string,
  isLast: boolean,
  part = '',
): string {
  const name = `layers.${layer}`;
  if (mixer.kind === 'parallel') {
    const outputs = mixer.parts.map((each, i) => {
      const own = i === 0 ? '' : `.${i}`;
      const from = walk.scaled(`${name}.mixer_input${own}`, input, each.inputScale);
      const output = addMixer(walk, layer, each.mixer, from, isLast, own);
      return walk.scaled(`${name}.mixer_output${own}`, output, each.outputScale);
    });
    return outputs.reduce((a, b, i) => {
      const sum = `${name}.mixers.${i}`;
      walk.nodes.push({ op: 'add', name: sum, a, b });
      return sum;
    });
  }
  const mixed = addInner(walk, layer, mixer, input);
  const wanted = isLast ? walk.wanted(`wanted.attention${part}`, mixed) : mixed;
  const matrix = mixer.output;
  const innerNorm = mixer.kind === 'attention' ? (mixer.innerNorm ?? null) : null;
  const inner = walk.norm(`${name}.o_input${part}`, wanted, innerNorm, matrix.inFeatures);
  return walk.linear(`${name}.o${part}`, inner, matrix);
}

/** @param name In front of the names of its nodes. */
function addGated(walk: Walk, name: string, feedForward: GatedFeedForward, input: string): string {
  const [gate = '', up = ''] = walk.linears(`${name}.gate_up`, input, [
    { ...feedForward.gate, name: `${name}.gate` },
    { ...feedForward.up, name: `${name}.up` },
  ]);
  const { activation, gateScale = 1, outputScale = 1 } = feedForward;
  let opening = walk.scaled(`${name}.gate_scaled`, gate, gateScale);
  if (feedForward.sparsity !== undefined) {
    const deviations = quantile(feedForward.sparsity);
    const sparse = `${name}.sparse`;
    walk.nodes.push({ op: 'sparsify', name: sparse, input: opening, deviations });
    opening = sparse;
  }
  walk.nodes.push({ op: 'gated', name: `${name}.gated`, activation, gate: opening, up });
  const { outFeatures: width } = feedForward.up;
  const inner = walk.norm(
    `${name}.down_input`,
    `${name}.gated`,
    feedForward.innerNorm ?? null,
    width,
  );
  const down = walk.linear(`${name}.down`, inner, feedForward.down);
  return walk.scaled(`${name}.down_scaled`, down, outputScale);
}

function addUngated(
  walk: Walk,
  name: string,
  { activation, up, down }: UngatedFeedForward,
  input: string,
): string {
  const product = walk.linear(`${name}.up`, input, up);
  const active = `${name}.active`;
  walk.nodes.push(
    typeof activation === 'string'
      ? { op: 'activate', name: active, input: product, activation }
      : { op: 'xielu', name: active, input: product, module: activation.module },
  );
  return walk.linear(`${name}.down`, active, down);
}

function addDenseAndExperts(
  walk: Walk,
  name: string,
  feedForward: DenseAndExperts,
  { normed, stream }: Stream,
): string {
  const { hiddenSize } = walk.decoder;
  const { experts, routerNorm, routerScale, beforeExperts } = feedForward;
  const norm = (part: string, input: string, own: Norm): string =>
    walk.norm(`${name}.${part}`, input, own, hiddenSize);
  const dense = norm(
    'dense_norm',
    addGated(walk, name, feedForward.dense, normed),
    feedForward.afterDense,
  );
  const routed = norm('router_norm', stream, routerNorm);
  const scaled = walk.scaled(`${name}.router_input`, routed, routerScale);
  const router = walk.linear(`${name}.router`, scaled, experts.router);
  const mixture = `${name}.experts`;
  const input = norm('experts_input', stream, beforeExperts);
  walk.nodes.push({ op: 'experts', name: mixture, input, router, feedForward: experts });
  const chosen = norm('experts_norm', mixture, feedForward.afterExperts);
  walk.nodes.push({ op: 'add', name: `${name}.mixed`, a: dense, b: chosen });
  return `${name}.mixed`;
}

function addFeedForward(
  walk: Walk,
  layer: number,
  feedForward: FeedForward,
  { normed: input, stream }: Stream,
): string {
  const name = `layers.${layer}`;
  if (feedForward.kind === 'dense-and-experts')
    return addDenseAndExperts(walk, name, feedForward, { normed: input, stream });
  if (feedForward.kind === 'gated') return addGated(walk, name, feedForward, input);
  if (feedForward.kind === 'ungated') return addUngated(walk, name, feedForward, input);
  const router = walk.linear(`${name}.router`, input, feedForward.router);
  const { latent } = feedForward;
  const chosen = `${name}.experts`;
  const read =
    latent === undefined ? input : walk.linear(`${name}.latent_down`, input, latent.down);
  walk.nodes.push({ op: 'experts', name: chosen, input: read, router, feedForward });
  const experts =
    latent === undefined ? chosen : walk.linear(`${name}.latent_up`, chosen, latent.up);
  const { shared } = feedForward;
  if (shared === null) return experts;
  const own = shared.feedForward;
  const output =
    own.kind === 'gated'
      ? addGated(walk, `${name}.shared`, own, input)
      : addUngated(walk, `${name}.shared`, own, input);
  const sum = `${name}.mixed`;
  if (shared.gate === null) {
    walk.nodes.push({ op: 'add', name: sum, a: experts, b: output });
    return sum;
  }
  const gate = walk.linear(`${name}.shared_gate`, input, shared.gate);
  walk.nodes.push({ op: 'sigmoid-gate', name: sum, input: output, gate, added: experts });
  return sum;
}

/** Adds a block's output to the stream, and the norm of what reads it next. */
function addResidual(
  walk: Walk,
  name: string,
  { residualScale }: DecoderLayer,
  output: string,
  stream: string,
  next: { readonly norm: Norm | null; readonly isLast: boolean },
): Stream {
  const added = walk.scaled(`${name}.scaled`, output, residualScale);
  const { norm, isLast } = next;
  if (norm === null) {
    walk.nodes.push({ op: 'add', name, a: added, b: stream });
    return { stream: name, normed: name };
  }
  const sum = `${name}.sum`;
  const width = walk.decoder.hiddenSize;
  walk.nodes.push({ op: 'residual-norm', name, sum, added, stream, norm, width, isLast });
  return { stream: sum, normed: name };
}

/** Adds attention's output to the stream, where the feed-forward reads what attention read. */
function addBeside(
  walk: Walk,
  name: string,
  { residualScale, feedForwardNorm }: DecoderLayer,
  output: string,
  before: { readonly stream: string; readonly normed: () => string },
): Stream {
  const { stream } = before;
  const width = walk.decoder.hiddenSize;
  const normed =
    feedForwardNorm === null
      ? before.normed()
      : walk.norm(`${name}.beside`, stream, feedForwardNorm, width);
  const added = walk.scaled(`${name}.middle.scaled`, output, residualScale);
  walk.nodes.push({ op: 'add', name: `${name}.middle`, a: added, b: stream });
  return { stream: `${name}.middle`, normed };
}

/** The name of the rows that a layer adds of its own embeddings. */
const layerRows = (layer: number): string => `layers.${layer}.rows`;

/** What a layer adds of its own embeddings. @param input What opens them. */
function addRows(
  walk: Walk,
  index: number,
  { activation, gate, project, norm }: LayerInput,
  input: string,
  isLast: boolean,
): string {
  const name = `layers.${index}`;
  const rows = isLast ? walk.wanted('wanted.rows', layerRows(index)) : layerRows(index);
  const opening = walk.linear(`${name}.rows_gate`, input, gate);
  const gated = `${name}.rows_gated`;
  walk.nodes.push({ op: 'gated', name: gated, activation, gate: opening, up: rows });
  const projected = walk.linear(`${name}.rows_projected`, gated, project);
  return walk.norm(`${name}.rows_norm`, projected, norm, walk.decoder.hiddenSize);
}

/** What stands behind the feed-forward of layers that add their own embeddings, or scale what comes of them. */
function addLayerInput(
  walk: Walk,
  index: number,
  { layerInput, outputFactor }: DecoderLayer,
  input: string,
  isLast: boolean,
): string {
  const name = `layers.${index}`;
  let stream = input;
  if (layerInput !== undefined) {
    const added = addRows(walk, index, layerInput, stream, isLast);
    walk.nodes.push({ op: 'add', name: `${name}.with_rows`, a: added, b: stream });
    stream = `${name}.with_rows`;
  }
  if (outputFactor === undefined) return stream;
  const scaled = `${name}.out`;
  walk.nodes.push({
    op: 'scale-stored',
    name: scaled,
    input: stream,
    tensor: outputFactor,
    columns: 1,
  });
  return scaled;
}

function addLayer(walk: Walk, index: number, input: Stream): Stream {
  const { layers, hiddenSize, finalNorm } = walk.decoder;
  const layer = layers[index];
  if (layer === undefined) return input;
  const next = layers[index + 1];
  const name = `layers.${index}`;
  const isLast = next === undefined;
  const normed = (): string => (isLast ? walk.wanted('wanted.normed', input.normed) : input.normed);
  const norm = isLast ? finalNorm : next.attentionNorm;
  const end = `${name}.end`;
  const { mixer, feedForward } = layer;
  const mixed =
    mixer === null
      ? null
      : walk.norm(
          `${name}.o_norm`,
          addMixer(walk, index, mixer, input.normed, isLast),
          layer.afterAttentionNorm,
          hiddenSize,
        );
  const stream = isLast ? walk.wanted('wanted.stream', input.stream) : input.stream;
  if (feedForward === null)
    return mixed === null ? input : addResidual(walk, end, layer, mixed, stream, { norm, isLast });
  const middle =
    mixed === null
      ? { stream, normed: normed() }
      : layer.isParallel === true
        ? addBeside(walk, name, layer, mixed, { stream, normed })
        : addResidual(walk, `${name}.middle`, layer, mixed, stream, {
            norm: layer.feedForwardNorm,
            isLast: false,
          });
  const fed = addFeedForward(walk, index, feedForward, middle);
  const fedNormed = walk.norm(`${name}.down_norm`, fed, layer.afterFeedForwardNorm, hiddenSize);
  if (layer.layerInput === undefined && layer.outputFactor === undefined)
    return addResidual(walk, end, layer, fedNormed, middle.stream, { norm, isLast });
  const sum = addResidual(walk, `${name}.fed`, layer, fedNormed, middle.stream, {
    norm: null,
    isLast,
  });
  const output = addLayerInput(walk, index, layer, sum.stream, isLast);
  return { stream: output, normed: walk.norm(end, output, norm, hiddenSize) };
}

/** A layer of a decoder with several streams, which lie side by side. @returns the same behind it */
function addAlternatingLayer(
  walk: Walk,
  index: number,
  layer: DecoderLayer,
  streams: Streams,
  input: string,
): string {
  const { hiddenSize, layers } = walk.decoder;
  const { alternation, mixer, feedForward, layerInput } = layer;
  if (alternation === undefined || mixer === null || feedForward === null)
    throw new AppError('internal', `Layer ${index} lacks a part that streams need.`);
  const name = `layers.${index}`;
  const isLast = index + 1 === layers.length;
  const wanted = (part: string, value: string): string =>
    isLast ? walk.wanted(`wanted.${part}`, value) : value;
  const added = (part: string, a: string, b: string): string => {
    walk.nodes.push({ op: 'add', name: `${name}.${part}`, a, b });
    return `${name}.${part}`;
  };
  const norm = (part: string, value: string, own: Norm | null): string =>
    walk.norm(`${name}.${part}`, value, own, hiddenSize);

  const predicted = predictStreams(walk, index, alternation, streams, input);
  const normed = norm('start', predicted.active, layer.attentionNorm);
  const narrow = walk.linear(`${name}.side_left`, normed, alternation.left);
  const wide = walk.linear(`${name}.side_right`, narrow, alternation.right);
  const side = added('side', norm('side_norm', wide, alternation.sideNorm), normed);
  const mixed = norm(
    'o_norm',
    addMixer(walk, index, mixer, normed, isLast),
    layer.afterAttentionNorm,
  );
  const active = wanted('active', predicted.active);
  const sum = added('attended', added('mixed_in', mixed, active), wanted('side', side));
  const stream = walk.scaled(`${name}.middle`, sum, Math.SQRT1_2);
  const middle = { stream, normed: norm('middle_norm', stream, layer.feedForwardNorm) };
  const fed = addFeedForward(walk, index, feedForward, middle);
  const output = added('fed', norm('down_norm', fed, layer.afterFeedForwardNorm), stream);
  const all = wanted('predicted', predicted.all);
  const corrected = correctStreams(walk, index, alternation, streams, { all, active, output });
  if (layerInput === undefined || streams.projections.length === 0) return corrected.all;
  const rows = addRows(walk, index, layerInput, corrected.input, isLast);
  const further = corrected.streams.map((each, i) =>
    i === 0 ? each : added(`with_rows.${i}`, rows, each),
  );
  return walk.concat(`${name}.streams`, further);
}

/** The embeddings that every layer has for itself, one value a layer. */
function addLayerEmbeddings(walk: Walk, embeddings: LayerEmbeddings, embedded: string): void {
  const { layers } = walk.decoder;
  const { module, vocabularySize, width, tokenScale, projection, norm, scale } = embeddings;
  const tokens = 'rows.tokens';
  const hiddenSize = layers.length * width;
  walk.nodes.push({
    op: 'embedding',
    name: tokens,
    module,
    vocabularySize,
    hiddenSize,
    scale: tokenScale,
  });
  const product = walk.linear('rows.projection', embedded, projection);
  const input = walk.scaled('rows.projected', product, embeddings.projectionScale);
  const normed = 'rows.norm';
  walk.nodes.push({ op: 'rms-norm', name: normed, input, norm, width, groups: layers.length });
  walk.nodes.push({ op: 'add', name: 'rows.sum', a: normed, b: tokens });
  const parts = layers.map((_, layer) => ({ name: layerRows(layer), width }));
  const sum = walk.scaled('rows', 'rows.sum', scale);
  walk.nodes.push({ op: 'split', name: 'rows.split', input: sum, groups: 1, parts });
}

/** Adds all layers and the norm behind them. @param start What they begin with. */
function addLayers(walk: Walk, start: string): string {
  const { layers, streams, hiddenSize, finalNorm } = walk.decoder;
  if (streams !== undefined) {
    const all = layers.reduce(
      (input, layer, index) => addAlternatingLayer(walk, index, layer, streams, input),
      openStreams(walk, streams, start),
    );
    return walk.norm('end', closeStreams(walk, streams, all), finalNorm, hiddenSize);
  }
  let stream: Stream = {
    stream: start,
    normed: walk.norm('layers.0.start', start, layers[0]?.attentionNorm ?? null, hiddenSize),
  };
  layers.forEach((_, index) => {
    stream = addLayer(walk, index, stream);
  });
  return stream.normed;
}

/**
 * The plan of a decoder.
 *
 * @param headModule The module whose weights are the head; that of the embeddings when they are shared.
 */
export function planDecoder(decoder: Decoder, headModule: string): Plan {
  const walk = new Walk(decoder);
  const { hiddenSize, vocabularySize } = decoder;
  decoder.rotaryEmbeddings.forEach((embedding, index) => {
    walk.nodes.push({ op: 'rotary', index, embedding });
  });
  const embedded = 'embedded';
  walk.nodes.push({
    op: 'embedding',
    name: embedded,
    module: decoder.embedding,
    vocabularySize,
    hiddenSize,
    scale: decoder.embeddingScale,
  });
  const { layerEmbeddings, positions } = decoder;
  if (layerEmbeddings !== undefined) addLayerEmbeddings(walk, layerEmbeddings, embedded);
  const start = positions === undefined ? embedded : 'placed';
  if (positions !== undefined)
    walk.nodes.push({
      op: 'positions',
      name: start,
      input: embedded,
      ...positions,
      width: hiddenSize,
    });
  const normed = addLayers(walk, start);
  const { logitScale, logitSoftcap } = decoder;
  const isPlain = logitScale === 1 && logitSoftcap === null;
  const products = walk.linear(isPlain ? 'logits' : 'logits.product', normed, {
    module: headModule,
    inFeatures: hiddenSize,
    outFeatures: vocabularySize,
    bias: decoder.headBias ?? false,
    biasModule: decoder.head,
  });
  if (isPlain) return { nodes: walk.nodes, logits: products };
  if (logitSoftcap === null)
    return { nodes: walk.nodes, logits: walk.scaled('logits', products, logitScale) };
  const input = walk.scaled('logits.scaled', products, logitScale);
  walk.nodes.push({ op: 'softcap', name: 'logits', input, cap: logitSoftcap });
  return { nodes: walk.nodes, logits: 'logits' };
}
