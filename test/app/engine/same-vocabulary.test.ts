import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import { requireSameVocabulary } from '../../../app/engine/same-vocabulary.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

async function artifact(id: string, tokenizer: string | null): Promise<Artifact> {
  const directory = await scratchFolder();
  if (tokenizer !== null) await writeFile(path.join(directory, 'tokenizer.json'), tokenizer);
  return { id, directory } as Artifact;
}

const bpe = { model: { vocab: { a: 0, b: 1 } }, added_tokens: [{ id: 2, content: '<s>' }] };

describe('models that are compared', () => {
  it('have the same tokens, however the file is written', async () => {
    await requireSameVocabulary([
      await artifact('one', JSON.stringify(bpe)),
      await artifact('two', JSON.stringify(bpe, null, 2)),
      await artifact('three', JSON.stringify({ ...bpe, model: { vocab: { b: 1, a: 0 } } })),
      await artifact('four', null),
    ]);
  });

  it.each([
    ['another order', { ...bpe, model: { vocab: { a: 1, b: 0 } } }],
    ['a further token', { ...bpe, model: { vocab: { a: 0, b: 1, c: 3 } } }],
    ['another special token', { ...bpe, added_tokens: [{ id: 2, content: '</s>' }] }],
    [
      'another kind',
      {
        model: {
          vocab: [
            ['a', 0],
            ['c', 0],
          ],
        },
        added_tokens: [],
      },
    ],
  ])('are refused by name with %s', async (_what, other) => {
    const pair = [
      await artifact('one', JSON.stringify(bpe)),
      await artifact('two', JSON.stringify(other)),
    ];
    await expect(requireSameVocabulary(pair)).rejects.toMatchObject({
      code: 'invalid-input',
      reason: 'different-vocabularies',
      facts: { first: 'one', second: 'two' },
    });
  });
});
