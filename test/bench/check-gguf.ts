import { statSync } from 'node:fs';
import { z } from 'zod';
import type { GgufType } from './gguf-blocks.ts';
import { GGUF_ALIGNMENT, ggufPath, ggufTensors, tensorTypes } from './gguf-writer.ts';
import { runTrial } from './run-trial.ts';
import type { Shape } from './shapes.ts';

const foundSchema = z.object({
  vocabulary: z.number(),
  layers: z.number(),
  dataOffset: z.number(),
  tensors: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.number()),
      type: z.number(),
      offset: z.number(),
    }),
  ),
});

/**
 * Compares a written file with what @huggingface/gguf reads in it.
 *
 * @throws Error that names the first difference
 */
export function checkGguf(rivals: string, folder: string, shape: Shape, type: GgufType): void {
  const file = ggufPath(folder, shape, type);
  const found = runTrial('check-gguf.mjs', [rivals, file], foundSchema);
  const expected = ggufTensors(shape, type);
  const differs = (what: string): Error =>
    new Error(`${file}: @huggingface/gguf reads another ${what} than was written; delete the file`);
  if (found.vocabulary !== shape.vocabularySize) throw differs('vocabulary');
  if (found.layers !== shape.layers) throw differs('number of layers');
  if (found.tensors.length !== expected.length) throw differs('number of tensors');
  let offset = 0;
  for (const [i, { name, shape: dimensions, format, bytes }] of expected.entries()) {
    const tensor = found.tensors[i];
    if (
      tensor?.name !== name ||
      tensor.shape.join() !== dimensions.join() ||
      tensor.type !== tensorTypes[format] ||
      tensor.offset !== offset
    )
      throw differs(name);
    offset += Math.ceil(bytes / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
  }
  if (statSync(file).size !== found.dataOffset + offset) throw differs('length');
}
