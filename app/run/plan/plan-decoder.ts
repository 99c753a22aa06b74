import { AppError } from '../../contract/error.ts';
import type {
  Attention,
  Decoder,
  DecoderLayer,
  FeedForward,
  GatedConvolution,
  GatedDelta,
  GatedFeedForward,
  HeadNorm,
  LayerEmbeddings,
  Matrix,
  Mixer,
  Norm,
  RmsNorm,
  UngatedFeedForward,
} from '../../models/index.ts';
import type { NamedMatrix, Plan, PlanNode } from './plan.ts';

/**
 * The matrix that holds others one after the other; null where each is stored by itself. One product with it costs what
 * theirs would, and its codes stay as they are, whatever their blocks.
 */
function wholeOf(parts: readonly Matrix[]): Matrix | null {
  const [first] = parts;
  if (first?.within === undefined) return null;
  const { total, groups = 1 } = first.within;
  let end = 0;
  for (const { outFeatures, within } of parts) {
    const isNext = within?.first === end && within.total === total;
    if (!isNext || (within.groups ?? 1) !== groups)
      throw new AppError('internal', `The parts of ${first.module} do not follow each other.`);
    end += outFeatures / groups;
  }
  if (end !== total) throw new AppError('internal', `The parts of ${first.module} leave rows out.`);
  const { module, inFeatures, bias } = first;
  return { module, inFeatures, outFeatures: total * groups, bias };
}

/** As many matrices as one operator multiplies with one input. */
const MAX_FUSED = 3;

/** Parts by the module that holds them, in the order of its rows. */
function byModule(parts: readonly NamedMatrix[]): NamedMatrix[][] {
  const modules = new Map<string, NamedMatrix[]>();
  for (const part of parts) {
    const others = modules.get(part.module);
    if (others === undefined) modules.set(part.module, [part]);
    else others.push(part);
  }
  const start = ({ within }: NamedMatrix): number => within?.first ?? 0;
  return [...modules.values()].map((own) => own.toSorted((a, b) => start(a) - start(b)));
}

/** Collects nodes; every method adds one and returns the name of what it computes. */
class Walk {
  readonly nodes: PlanNode[] = [];
  readonly decoder: Decoder;

  constructor(decoder: Decoder) {
    this.decoder = decoder;
  }

  norm(name: string, input: string, norm: Norm | null, width: number): string {
    if (norm === null) return input;
    this.nodes.push(
      norm.kind === 'rms'
        ? { op: 'rms-norm', name, input, norm, width }
        : { op: 'layer-norm', name, input, norm, width },
    );
    return name;
  }

  /** A norm over all heads, or a layer norm of each; one that attention computes itself is left to it. */
  headNorm(
    name: string,
    input: string,
    norm: HeadNorm | null,
    heads: number,
    head: number,
  ): string {
    if (norm === null || attentionsNorm(norm) !== null) return input;
    if (norm.kind === 'rms') return this.norm(name, input, norm, heads * head);
    this.nodes.push({ op: 'layer-norm', name, input, norm, width: heads * head, heads });
    return name;
  }

  linear(name: string, input: string, matrix: Matrix): string {
    this.nodes.push({ op: 'linear', name, input, parts: [{ ...matrix, name }] });
    return name;
  }

  linears(name: string, input: string, parts: readonly NamedMatrix[]): string[] {
    const modules = byModule(parts);
    const wholes = modules.map(([first, ...others]) =>
      first === undefined ? null : wholeOf([first, ...others]),
    );
    const products = modules.flatMap((own, i): NamedMatrix[] => {
      const whole = wholes[i] ?? null;
      const product = modules.length === 1 ? name : (own[0]?.name ?? name);
      return whole === null ? own : [{ ...whole, name: `${product}.product` }];
    });
    for (let i = 0; i < products.length; i += MAX_FUSED) {
      const fused = products.slice(i, i + MAX_FUSED);
      const isAlone = modules.length === 1 && wholes[0] !== null;
      const node = isAlone ? (fused[0]?.name ?? name) : i === 0 ? name : `${name}.${i}`;
      this.nodes.push({ op: 'linear', name: node, input, parts: fused });
    }
    modules.forEach((own, i) => {
      if ((wholes[i] ?? null) === null) return;
      const product = modules.length === 1 ? name : (own[0]?.name ?? name);
      this.nodes.push({
        op: 'split',
        name: `${product}.split`,
        input: `${product}.product`,
        groups: own[0]?.within?.groups ?? 1,
        parts: own.map((part) => ({ name: part.name, width: part.outFeatures })),
      });
    });
    return parts.map((part) => part.name);
  }

  multiplied(name: string, a: string, b: string): string {
    this.nodes.push({ op: 'multiply', name, a, b });
    return name;
  }

  concat(name: string, inputs: readonly string[]): string {
    const [only = ''] = inputs;
    if (inputs.length < 2) return only;
    this.nodes.push({ op: 'concat', name, inputs });
    return name;
  }

  wanted(name: string, input: string): string {
    this.nodes.push({ op: 'wanted-rows', name, input });
    return name;
  }

  scaled(name: string, input: string, factor: number): string {
    if (factor === 1) return input;
    this.nodes.push({ op: 'scale', name, input, factor });
    return name;
  }
}

/** The residual stream, and the same after the next block's norm. */
interface Stream {
  readonly stream: string;
  readonly normed: string;
}

/** An RMS norm of every head is attention's own; all others are nodes. */
function attentionsNorm(norm: HeadNorm | null): RmsNorm | null {
  return norm?.kind === 'rms' && norm.extent === 'head' ? norm : null;
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

function addGatedDelta(walk: Walk, layer: number, delta: GatedDelta, input: string): string {
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

function addGatedConvolution(
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

function addMixer(walk: Walk, layer: number, mixer: Mixer, input: string): string {
  switch (mixer.kind) {
    case 'attention':
      return addAttention(walk, layer, mixer, input);
    case 'gated-delta':
      return addGatedDelta(walk, layer, mixer, input);
    case 'gated-convolution':
      return addGatedConvolution(walk, layer, mixer, input);
  }
}

/** @param name In front of the names of its nodes. */
function addGated(walk: Walk, name: string, feedForward: GatedFeedForward, input: string): string {
  const [gate = '', up = ''] = walk.linears(`${name}.gate_up`, input, [
    { ...feedForward.gate, name: `${name}.gate` },
    { ...feedForward.up, name: `${name}.up` },
  ]);
  const { activation } = feedForward;
  walk.nodes.push({ op: 'gated', name: `${name}.gated`, activation, gate, up });
  const { outFeatures: width } = feedForward.up;
  const inner = walk.norm(
    `${name}.down_input`,
    `${name}.gated`,
    feedForward.innerNorm ?? null,
    width,
  );
  return walk.linear(`${name}.down`, inner, feedForward.down);
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

function addFeedForward(
  walk: Walk,
  layer: number,
  feedForward: FeedForward,
  input: string,
): string {
  const name = `layers.${layer}`;
  if (feedForward.kind === 'gated') return addGated(walk, name, feedForward, input);
  if (feedForward.kind === 'ungated') return addUngated(walk, name, feedForward, input);
  const router = walk.linear(`${name}.router`, input, feedForward.router);
  const experts = `${name}.experts`;
  walk.nodes.push({ op: 'experts', name: experts, input, router, feedForward });
  const { shared } = feedForward;
  if (shared === null) return experts;
  const output = addGated(walk, `${name}.shared`, shared.feedForward, input);
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
    const rows = isLast ? walk.wanted('wanted.rows', layerRows(index)) : layerRows(index);
    const gate = walk.linear(`${name}.rows_gate`, stream, layerInput.gate);
    const { activation } = layerInput;
    const gated = `${name}.rows_gated`;
    walk.nodes.push({ op: 'gated', name: gated, activation, gate, up: rows });
    const projected = walk.linear(`${name}.rows_projected`, gated, layerInput.project);
    const { hiddenSize } = walk.decoder;
    const added = walk.norm(`${name}.rows_norm`, projected, layerInput.norm, hiddenSize);
    walk.nodes.push({ op: 'add', name: `${name}.with_rows`, a: added, b: stream });
    stream = `${name}.with_rows`;
  }
  if (outputFactor === undefined) return stream;
  const scaled = `${name}.out`;
  walk.nodes.push({ op: 'scale-stored', name: scaled, input: stream, tensor: outputFactor });
  return scaled;
}

function addLayer(walk: Walk, index: number, input: Stream): Stream {
  const { layers, hiddenSize, finalNorm } = walk.decoder;
  const layer = layers[index];
  if (layer === undefined) return input;
  const next = layers[index + 1];
  const name = `layers.${index}`;
  const attended = addMixer(walk, index, layer.mixer, input.normed);
  // Behind the last attention nothing looks at other tokens any more: only the rows whose logits are wanted go on.
  const isLast = next === undefined;
  const attention = isLast ? walk.wanted('wanted.attention', attended) : attended;
  const stream = isLast ? walk.wanted('wanted.stream', input.stream) : input.stream;
  const { mixer } = layer;
  const matrix = mixer.output;
  const innerNorm = mixer.kind === 'attention' ? (mixer.innerNorm ?? null) : null;
  const inner = walk.norm(`${name}.o_input`, attention, innerNorm, matrix.inFeatures);
  const attentionOutput = walk.norm(
    `${name}.o_norm`,
    walk.linear(`${name}.o`, inner, matrix),
    layer.afterAttentionNorm,
    hiddenSize,
  );
  const middle =
    layer.isParallel === true
      ? addBeside(walk, name, layer, attentionOutput, {
          stream,
          normed: () => (isLast ? walk.wanted('wanted.normed', input.normed) : input.normed),
        })
      : addResidual(walk, `${name}.middle`, layer, attentionOutput, stream, {
          norm: layer.feedForwardNorm,
          isLast: false,
        });
  const fed = addFeedForward(walk, index, layer.feedForward, middle.normed);
  const normed = walk.norm(`${name}.down_norm`, fed, layer.afterFeedForwardNorm, hiddenSize);
  const norm = isLast ? finalNorm : next.attentionNorm;
  const end = `${name}.end`;
  if (layer.layerInput === undefined && layer.outputFactor === undefined)
    return addResidual(walk, end, layer, normed, middle.stream, { norm, isLast });
  const sum = addResidual(walk, `${name}.fed`, layer, normed, middle.stream, {
    norm: null,
    isLast,
  });
  const output = addLayerInput(walk, index, layer, sum.stream, isLast);
  return { stream: output, normed: walk.norm(end, output, norm, hiddenSize) };
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

/**
 * The plan of a decoder.
 *
 * @param headModule The module whose weights are the head; that of the embeddings when they are shared.
 */
export function planDecoder(decoder: Decoder, headModule: string): Plan {
  const walk = new Walk(decoder);
  const { hiddenSize, vocabularySize, layers } = decoder;
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
  const { layerEmbeddings } = decoder;
  if (layerEmbeddings !== undefined) addLayerEmbeddings(walk, layerEmbeddings, embedded);
  let stream: Stream = {
    stream: embedded,
    normed: walk.norm('layers.0.start', embedded, layers[0]?.attentionNorm ?? null, hiddenSize),
  };
  layers.forEach((_, index) => {
    stream = addLayer(walk, index, stream);
  });
  const { logitScale, logitSoftcap } = decoder;
  const isPlain = logitScale === 1 && logitSoftcap === null;
  const products = walk.linear(isPlain ? 'logits' : 'logits.product', stream.normed, {
    module: headModule,
    inFeatures: hiddenSize,
    outFeatures: vocabularySize,
    bias: decoder.headBias ?? false,
  });
  if (isPlain) return { nodes: walk.nodes, logits: products };
  if (logitSoftcap === null)
    return { nodes: walk.nodes, logits: walk.scaled('logits', products, logitScale) };
  const input = walk.scaled('logits.scaled', products, logitScale);
  walk.nodes.push({ op: 'softcap', name: 'logits', input, cap: logitSoftcap });
  return { nodes: walk.nodes, logits: 'logits' };
}
