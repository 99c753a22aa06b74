import { fusedGatedOf, fusedMatrices, layerModule, preNormLayer, readPlain } from '../../blocks.ts';
import { oneOf, type Family } from '../../family.ts';
import { readWholeWindow, type Outline } from '../../outline.ts';
import { readPartialRope } from '../../rope-config.ts';

/** Tokens that the model was first trained on, where its config does not say. */
const DEFAULT_ORIGINAL_CONTEXT = 4_096;
/** What the first configs of the family called longrope. */
const OLD_LONGROPE: ReadonlySet<unknown> = new Set(['su', 'yarn']);

type Raw = Outline['raw'];

function renamed(parameters: Raw['rope_scaling']): Raw['rope_scaling'] {
  if (!parameters || !OLD_LONGROPE.has(parameters.rope_type ?? parameters.type)) return parameters;
  return { ...parameters, rope_type: 'longrope' };
}

/** Fields of the rotary embedding in today's words. */
function ropeFields(raw: Raw): Raw {
  const rope_scaling = renamed(raw.rope_scaling);
  const rope_parameters = renamed(raw.rope_parameters);
  const original_max_position_embeddings =
    raw.original_max_position_embeddings ??
    (rope_scaling ?? rope_parameters)?.original_max_position_embeddings ??
    DEFAULT_ORIGINAL_CONTEXT;
  return { ...raw, rope_scaling, rope_parameters, original_max_position_embeddings };
}

/** Llama whose queries, keys and values are one matrix, and gate and up another: Phi 3, 3.5 and 4. */
export const phi3: Family = {
  isLinear: oneOf('self_attn.qkv_proj', 'self_attn.o_proj', 'mlp.gate_up_proj', 'mlp.down_proj'),
  normType: 'widen',
  read(config, names) {
    const defaults = {
      vocabularySize: 32_064,
      hiddenSize: 3_072,
      intermediateSize: 8_192,
      layers: 32,
      heads: 32,
      contextLength: 4_096,
      kvHeads: 'heads',
      headDimension: 'ratio',
      bosTokenId: 1,
      eosTokenId: 32_000,
      epsilon: 1e-5,
    } as const;
    return readPlain(config, names, defaults, (outline) => {
      const { hiddenSize, intermediateSize, heads, kvHeads, headDimension } = outline;
      const fields = ropeFields(outline.raw);
      const window = readWholeWindow(config, null);
      return {
        rotaryEmbeddings: [readPartialRope(fields, outline.contextLength, headDimension)],
        attention: () => ({ window }),
        layer: (sizes, layer, attention, feedForward) => {
          const [query = attention.query, key = attention.key, value = attention.value] =
            fusedMatrices(layerModule(layer, 'self_attn.qkv_proj'), hiddenSize, [
              heads * headDimension,
              kvHeads * headDimension,
              kvHeads * headDimension,
            ]);
          return preNormLayer(sizes, layer, { ...attention, query, key, value }, feedForward);
        },
        feedForward: (layer, activation) =>
          fusedGatedOf(outline, layerModule(layer, 'mlp'), intermediateSize, activation),
      };
    });
  },
};
