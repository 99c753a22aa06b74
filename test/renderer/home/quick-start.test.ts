import { expect, it } from 'vitest';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { ConversationSummary } from '../../../app/contract/conversation.ts';
import type { Library } from '../../../app/contract/library.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { quickStart } from '../../../renderer/views/home/quick-start.ts';

function artifact(id: string, checkpointId: string, scheme: SchemeName, day: number): Artifact {
  return {
    id,
    checkpointId,
    name: id,
    scheme,
    blockSize: null,
    directory: '/x',
    architecture: 'llama',
    sizeBytes: 1,
    weightsBytes: 1,
    outputLayerCopy: null,
    sourceBytes: 1,
    weightsSha256: '',
    totals: {
      parameters: 1,
      quantizedParameters: 1,
      quantizedBitsPerWeight: 4,
      bitsPerWeight: 4,
      sqnrDb: 20,
      relativeError: 0,
    },
    quantizeMs: 1,
    createdAt: `2026-01-0${day}T00:00:00Z`,
  };
}
function library(list: readonly [Artifact, boolean][]): Library {
  return {
    folders: [],
    checkpoints: [],
    artifacts: list.map(([made, available]) => ({
      artifact: made,
      available,
      damagedFiles: [],
      evaluation: null,
    })),
    unreadable: [],
    unfinished: [],
    totalBytes: 0,
  };
}
function chat(artifactId: string): ConversationSummary {
  return { id: 1, title: '', artifactId, messages: 1, excerpt: null, updatedAt: '' };
}

const a4 = artifact('a4', 'a', 'nf4', 1);
const a8 = artifact('a8', 'a', 'llm-int8', 2);
const b4 = artifact('b4', 'b', 'nf4', 3);

it('offers the model of the last chat and two versions of it', () => {
  const start = quickStart(
    library([
      [a4, true],
      [a8, true],
      [b4, true],
    ]),
    [chat('a4')],
  );
  expect(start?.chatWith.id).toBe('a4');
  expect(start?.isLastUsed).toBe(true);
  expect(start?.compare?.map(({ id }) => id).sort()).toEqual(['a4', 'a8']);
});

it('offers the newest where there was no chat, and a pair of another model', () => {
  const start = quickStart(
    library([
      [a4, true],
      [a8, true],
      [b4, true],
    ]),
    [],
  );
  expect(start?.chatWith.id).toBe('b4');
  expect(start?.isLastUsed).toBe(false);
  expect(start?.compare?.map(({ checkpointId }) => checkpointId)).toEqual(['a', 'a']);
});

it('offers nothing that lies on a disk which is not connected', () => {
  expect(quickStart(library([[a4, false]]), [chat('a4')])).toBeNull();
  expect(
    quickStart(
      library([
        [a4, false],
        [a8, true],
      ]),
      [chat('a4')],
    )?.compare,
  ).toBeNull();
});
