import type { SchemeName } from '../contract/scheme.ts';
import { affine } from './affine/affine.ts';
import { llmInt8 } from './bitsandbytes/int8.ts';
import { levels } from './bitsandbytes/levels.ts';
import { published } from './floats/floats.ts';
import type { WeightFormat } from './format.ts';

/** How the weights of every scheme are stored. A new scheme is a folder beside this file, and a line here. */
export const weightFormats: Readonly<Record<SchemeName, WeightFormat>> = {
  bf16: published,
  'llm-int8': llmInt8,
  'int8-absmax': affine({ mode: 'absmax', bits: 8 }),
  'int8-zeropoint': affine({ mode: 'zero-point', bits: 8 }),
  nf4: levels({ type: 'nf4', doubleQuant: false }),
  'nf4-dq': levels({ type: 'nf4', doubleQuant: true }),
  fp4: levels({ type: 'fp4', doubleQuant: false }),
  'fp4-dq': levels({ type: 'fp4', doubleQuant: true }),
  int4: affine({ mode: 'zero-point', bits: 4 }),
};
