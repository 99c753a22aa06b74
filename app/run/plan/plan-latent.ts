import type { LatentAttention } from '../../models/index.ts';
import type { Walk } from './walk.ts';

/** Adds latent attention. @returns the name of what it computes, before its output's matrix */
export function addLatentAttention(
  walk: Walk,
  layer: number,
  attention: LatentAttention,
  input: string,
): string {
  const name = `layers.${layer}`;
  const { queryLatent, rope } = attention;
  let from = input;
  if (queryLatent !== null) {
    const { product, norm } = queryLatent;
    const latent = walk.linear(`${name}.q_latent`, input, product);
    from = walk.norm(`${name}.q_latent_norm`, latent, norm, product.outFeatures);
  }
  const query = walk.linear(`${name}.q`, from, attention.query);
  const latent = walk.linear(`${name}.latent`, input, attention.latent);
  const interleaved = walk.decoder.rotaryEmbeddings[rope]?.interleaved ?? false;
  const output = `${name}.attention`;
  walk.nodes.push({
    op: 'latent-attention',
    name: output,
    layer,
    attention,
    query,
    latent,
    interleaved,
  });
  return output;
}
