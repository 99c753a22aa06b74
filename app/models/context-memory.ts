import type { Attention, Convolution, Decoder, Mixer } from './decoder.ts';

/** What a context takes: keys and values of every token, and states of fixed size. */

/** The attention of a layer. */
export function attentionsOf(mixer: Mixer | null): readonly Attention[] {
  if (mixer === null) return [];
  if (mixer.kind === 'attention') return [mixer];
  if (mixer.kind !== 'parallel') return [];
  return mixer.parts.flatMap((part) => attentionsOf(part.mixer));
}

/** Elements of keys and values that one token leaves in the cache of all layers. */
export function cacheElementsPerToken({ layers }: Decoder): number {
  return layers.reduce((sum, { mixer }) => sum + cachedElements(mixer), 0);
}

function cachedElements(mixer: Mixer | null): number {
  // Of the vector as key and as value, and of the shared key.
  if (mixer?.kind === 'latent-attention') return 2 * mixer.rank + mixer.rotaryDimension;
  return attentionsOf(mixer)
    .filter(({ cacheOf }) => cacheOf === null)
    .reduce((sum, { kvHeads, headDimension }) => sum + 2 * kvHeads * headDimension, 0);
}

/** Elements of the states of all layers, however long the context is. */
export function stateElements({ layers }: Decoder): number {
  return layers.reduce((sum, { mixer }) => sum + elementsOfState(mixer), 0);
}

function elementsOfState(mixer: Mixer | null): number {
  if (mixer === null) return 0;
  switch (mixer.kind) {
    case 'attention':
    case 'latent-attention':
      return 0;
    case 'gated-delta': {
      const { heads, keyDimension, valueDimension, convolution } = mixer;
      return heads * keyDimension * valueDimension + elementsOfPast(convolution);
    }
    case 'gated-convolution':
      return elementsOfPast(mixer.convolution);
    case 'state-space': {
      const { heads, stateDimension, headDimension, convolution } = mixer;
      return heads * stateDimension * headDimension + elementsOfPast(convolution);
    }
    case 'parallel':
      return mixer.parts.reduce((sum, part) => sum + elementsOfState(part.mixer), 0);
  }
}

/** The tokens that the next ones look back at. */
function elementsOfPast({ channels, taps }: Convolution): number {
  return (taps - 1) * channels;
}
