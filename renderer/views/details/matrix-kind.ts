/** What a weight matrix does in its layer; of models of one family all layers have the same ones. */
export const matrixKinds = [
  'q',
  'k',
  'v',
  'qkv',
  'o',
  'gate',
  'up',
  'gateUp',
  'down',
  'router',
  'embedding',
  'head',
  'norm',
  'other',
] as const;
export type MatrixKind = (typeof matrixKinds)[number];

export interface MatrixPlace {
  readonly kind: MatrixKind;
  /** Null for tensors outside the layers: embeddings, the head. */
  readonly layer: number | null;
  /** Of a mixture of experts. */
  readonly expert: number | null;
}

/** Names of the modules as Llama, Qwen, Mistral, Gemma, Phi, GPT-NeoX, GPT-2, Falcon, Mixtral and their kin write them. */
const kindOfModule: Readonly<Record<string, MatrixKind>> = {
  q_proj: 'q',
  k_proj: 'k',
  v_proj: 'v',
  qkv_proj: 'qkv',
  query_key_value: 'qkv',
  c_attn: 'qkv',
  Wqkv: 'qkv',
  o_proj: 'o',
  out_proj: 'o',
  dense: 'o',
  gate_proj: 'gate',
  up_proj: 'up',
  gate_up_proj: 'gateUp',
  down_proj: 'down',
  fc1: 'up',
  fc2: 'down',
  c_fc: 'up',
  dense_h_to_4h: 'up',
  dense_4h_to_h: 'down',
  // Mixtral numbers them: w1 gates, w3 goes up, w2 comes down.
  w1: 'gate',
  w3: 'up',
  w2: 'down',
  // GPT-2's name for what leaves a block is the same in attention and in the MLP: told apart below.
  c_proj: 'o',
  gate: 'router',
  router: 'router',
  embed_tokens: 'embedding',
  word_embeddings: 'embedding',
  embed_in: 'embedding',
  wte: 'embedding',
  wpe: 'embedding',
  lm_head: 'head',
  embed_out: 'head',
};

const NORM = /(^|_)(layer)?norm(_f)?$|^ln(_|\d|$)|layernorm$/i;

/** The parts of the name that hold a number: `model.layers.3.` and `mlp.experts.7.` */
function numberAfter(parts: readonly string[], names: readonly string[]): number | null {
  const at = parts.findIndex((part) => names.includes(part));
  const number = at < 0 ? undefined : parts[at + 1];
  return number !== undefined && /^\d{1,6}$/.test(number) ? Number(number) : null;
}

/**
 * Which matrix of which layer a tensor is, by its name in the checkpoint. Names of families that are not known fall
 * into 'other'; their layer is still found where it is numbered.
 */
export function placeOf(name: string): MatrixPlace {
  const parts = name.split('.');
  const layer = numberAfter(parts, ['layers', 'h', 'blocks', 'block', 'layer']);
  const expert = numberAfter(parts, ['experts']);
  const last = parts.at(-1);
  const module = (last === 'weight' || last === 'bias' ? parts.at(-2) : last) ?? '';
  if (last === 'bias') return { kind: 'other', layer, expert };
  if (NORM.test(module)) return { kind: 'norm', layer, expert };
  const known = Object.hasOwn(kindOfModule, module) ? kindOfModule[module] : undefined;
  if (module === 'c_proj' && parts.includes('mlp')) return { kind: 'down', layer, expert };
  if (module === 'dense' && !parts.some((part) => /att/i.test(part)))
    return { kind: 'other', layer, expert };
  return { kind: known ?? 'other', layer, expert };
}
