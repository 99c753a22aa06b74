// A model on a CUDA device against the processor's exact arithmetic, through the door that the app uses. The kernels
// themselves are checked more thoroughly, and without Node, by native-kernels/cuda/check.sh.
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureGraph } from '../../app/run/index.ts';
import { Model, probeGpus, type GenerateRequest } from '../../native-kernels/index.ts';
import { sampleModel } from '../../app/sample/index.ts';
import { quantizeFolder } from '../fixtures/quantize-folder.ts';
import { scratchFolder } from '../fixtures/scratch.ts';

const { reason } = await probeGpus();
const CONTEXT = 512;

async function generate(model: Model, changes: Partial<GenerateRequest>): Promise<number[]> {
  const { ids } = await model.generate({
    ids: [1, 500, 17, 2048, 9],
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 7 },
    maxTokens: 100,
    stopIds: [],
    onToken: () => undefined,
    ...changes,
  });
  return ids;
}

describe.skipIf(reason !== null)(
  `a decoder on a CUDA device${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    it.each(['bf16', 'nf4-dq', 'llm-int8'] as const)(
      'of %s weights writes the same',
      async (scheme) => {
        const directory = path.join(await scratchFolder(), scheme);
        if (scheme === 'bf16') await cp(sampleModel.directory, directory, { recursive: true });
        else await quantizeFolder(sampleModel.directory, directory, scheme);
        // The plan of the exact graph, too: the 8-bit copy of the output layer would be another model.
        const { graphPath, cudaText } = await ensureGraph(directory, 'exact');
        const device = await Model.openOnCuda({
          plan: await cudaText(),
          directory,
          contextLength: CONTEXT,
        });
        const processor = await Model.open({ graphPath, contextLength: CONTEXT, mode: 'exact' });
        try {
          const expected = await generate(processor, {});
          expect(await generate(device, {})).toEqual(expected);
          device.truncate(0);
          // With alternatives the sampler sees all logits: the same text by another way.
          expect(await generate(device, { alternatives: 1 })).toEqual(expected);
          device.truncate(3);
          processor.truncate(3);
          const logits = await device.evaluate([40, 41, 42], { rows: 'all' });
          const exact = await processor.evaluate([40, 41, 42], { rows: 'all' });
          let errors = 0;
          let squares = 0;
          for (const [i, value] of exact.entries()) {
            errors += (value - (logits[i] ?? 0)) ** 2;
            squares += value ** 2;
          }
          // kPromptBound of native-kernels/cuda/check/decoder.cpp
          expect(Math.sqrt(errors / squares)).toBeLessThan(1e-2);
        } finally {
          await device.close();
          await processor.close();
        }
      },
    );
  },
);
