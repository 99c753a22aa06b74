/**
 * Which tensors of a checkpoint are its text model, and what they would be called in a checkpoint that holds nothing else:
 * families know no other names. A model that also sees or hears stores its text model below a prefix, and which one that is
 * depends on what wrote the file, not on the model.
 */

interface Layout {
  /** In front of `embed_tokens`, `layers` and `norm`. */
  readonly prefix: string;
  /** The same in the modules of transformers' class. */
  readonly module: string;
}

const PLAIN = 'model.';
const HEAD = 'lm_head.';
const OLD_HEAD = 'language_model.lm_head.';

/** Those of a text model within another. */
const INNER: readonly Layout[] = [
  { prefix: 'model.language_model.', module: 'model.language_model.' },
  { prefix: 'language_model.model.', module: 'model.language_model.' },
  // Mamba and what came of it.
  { prefix: 'backbone.', module: 'backbone.' },
];

/** Parts that the classes of some families call in words of their own. */
interface OwnWords {
  /** In front of all parts but the output layer; a file may leave it out. */
  readonly prefix: string;
  /** What tells such a file. */
  readonly marker: RegExp;
  /** By the names of families that read them. */
  readonly parts: Readonly<Record<string, string>>;
  /** What the output layer is called. */
  readonly head?: string;
}

const GPT_NEOX: OwnWords = {
  prefix: 'gpt_neox.',
  marker: /^gpt_neox\./,
  parts: { layers: 'layers', embed_in: 'embed_tokens', final_layer_norm: 'final_layer_norm' },
  head: 'embed_out.',
};

const GPT_2: OwnWords = {
  prefix: 'transformer.',
  marker: /^(?:transformer\.)?(?:h\.\d+\.attn\.c_attn|wpe)\./,
  parts: { h: 'layers', wte: 'embed_tokens', wpe: 'wpe', ln_f: 'ln_f' },
};

/** What stands beside a text model without a prefix of its own: eyes, ears, and what predicts further tokens ahead. */
const BESIDE =
  /^(?:model\.)?(?:visual|vision_tower|vision_model|vision_encoder|vision_embedder|vision_projection|vision_adapter|multi_modal_projector|mm_projector|audio_tower|audio_encoder|audio_projection|embed_vision|embed_audio|mtp)\./;

/** Names of tensors in a checkpoint. */
export interface TextNames {
  /** What the families call it; null where it is no part of the text model. */
  readonly plain: (name: string) => string | null;
  /** What transformers' class calls a module of the text model. */
  readonly module: (name: string) => string;
  /** The modules beside the text model, as transformers' class may call them. */
  readonly beside: () => readonly string[];
}

function renamed(name: string, { prefix, parts, head }: OwnWords): string {
  if (head !== undefined && name.startsWith(head)) return HEAD + name.slice(head.length);
  const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const [first = '', ...rest] = bare.split('.');
  const part = Object.hasOwn(parts, first) ? parts[first] : undefined;
  return part === undefined ? name : [`${PLAIN}${part}`, ...rest].join('.');
}

/** @param tensors Of the whole checkpoint, or at least of the embeddings or a layer. */
export function textNames(tensors: readonly { readonly name: string }[]): TextNames {
  const inner = INNER.find(({ prefix }) =>
    tensors.some(
      ({ name }) =>
        name.startsWith(`${prefix}layers.`) || name.startsWith(`${prefix}embed_tokens.`),
    ),
  );
  const words = [GPT_NEOX, GPT_2].find(({ marker }) =>
    tensors.some(({ name }) => marker.test(name)),
  );
  const plain = (name: string): string | null => {
    if (words !== undefined) return renamed(name, words);
    if (name.startsWith(HEAD)) return name;
    if (name.startsWith(OLD_HEAD)) return HEAD + name.slice(OLD_HEAD.length);
    if (inner === undefined) return BESIDE.test(name) ? null : name;
    return name.startsWith(inner.prefix) ? PLAIN + name.slice(inner.prefix.length) : null;
  };
  // Going through all names takes a while with thousands, and a runner asks for none of what follows.
  let whole: boolean | null = null;
  const isWhole = (): boolean => (whole ??= tensors.every(({ name }) => plain(name) !== null));
  return {
    plain,
    module: (name) => {
      if (words !== undefined)
        return name.startsWith(words.prefix) || plain(name) === name ? name : words.prefix + name;
      const known = plain(name) ?? name;
      const { module } = inner ?? { module: isWhole() ? PLAIN : 'model.language_model.' };
      return known.startsWith(PLAIN) ? module + known.slice(PLAIN.length) : known;
    },
    beside: () => [
      ...new Set(
        tensors.flatMap(({ name }) => {
          if (plain(name) !== null) return [];
          const [first = ''] = name.replace(/^model\./, '').split('.');
          // Some files leave out the class' own prefix.
          return [first, `model.${first}`];
        }),
      ),
    ],
  };
}

/** The tensors of the text model alone, under the names that the families know. */
export function textTensors<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  const names = textNames(tensors);
  return tensors.flatMap((tensor) => {
    const name = names.plain(tensor.name);
    if (name === null) return [];
    return name === tensor.name ? [tensor] : [{ ...tensor, name }];
  });
}
