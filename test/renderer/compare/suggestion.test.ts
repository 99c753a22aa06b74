import { describe, expect, it } from 'vitest';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { suggestNext, suggestPair } from '../../../renderer/views/compare/logic/suggestion.ts';
import { knownSchemes } from '../../fixtures/known-schemes.ts';

let minute = 0;
function version(checkpointId: string, scheme: SchemeName, available = true): LibraryArtifact {
  minute++;
  return {
    artifact: {
      id: `${checkpointId}-${scheme}`,
      checkpointId,
      name: `${checkpointId} ${scheme}`,
      scheme,
      blockSize: null,
      directory: '/models',
      architecture: 'llama',
      sizeBytes: 1,
      weightsBytes: 1,
      outputLayerCopy: null,
      sourceBytes: 1,
      weightsSha256: 'a'.repeat(64),
      totals: {
        parameters: 1,
        quantizedParameters: 1,
        quantizedBitsPerWeight: 4,
        bitsPerWeight: 4,
        sqnrDb: null,
        relativeError: 0,
      },
      quantizeMs: 1,
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    },
    available,
    damagedFiles: [],
    evaluation: null,
  };
}

describe('what is suggested to be compared', () => {
  it('is the newest 8-bit and 4-bit version of one checkpoint, the finer as the reference', () => {
    const library = [
      version('old', 'llm-int8'),
      version('old', 'nf4'),
      version('new', 'bf16'),
      version('new', 'nf4-dq'),
      version('new', 'int8-absmax'),
      version('new', 'int4'),
    ];
    expect(suggestPair(library, knownSchemes)).toEqual(['new-int8-absmax', 'new-int4']);
  });

  it('is any two versions of one checkpoint where that pair is nowhere', () => {
    const library = [version('a', 'nf4'), version('a', 'bf16'), version('b', 'llm-int8')];
    expect(suggestPair(library, knownSchemes)).toEqual(['a-bf16', 'a-nf4']);
  });

  it('leaves out what lies on a disk that is not connected', () => {
    const library = [version('a', 'nf4', false), version('a', 'llm-int8'), version('b', 'bf16')];
    expect(suggestPair(library, knownSchemes).sort()).toEqual(['a-llm-int8', 'b-bf16']);
    expect(suggestNext(library, ['a-llm-int8'])).toBe('b-bf16');
  });

  it('is nothing in an empty library, and the one where there is one', () => {
    expect(suggestPair([], knownSchemes)).toEqual([]);
    expect(suggestPair([version('a', 'nf4')], knownSchemes)).toEqual(['a-nf4']);
  });

  it('goes on with another version of the first one', () => {
    const library = [version('b', 'nf4'), version('a', 'nf4'), version('a', 'bf16')];
    expect(suggestNext(library, ['a-nf4'])).toBe('a-bf16');
    expect(suggestNext(library, ['a-nf4', 'a-bf16'])).toBe('b-nf4');
    expect(suggestNext(library, ['a-nf4', 'a-bf16', 'b-nf4'])).toBeNull();
  });
});

it('suggests no version whose files are damaged while there are others', () => {
  const damagedFiles = [
    { name: 'a', state: 'changed' as const, foundBy: 'use' as const, foundAt: '2026-01-01' },
  ];
  const eight = version('m', 'llm-int8');
  const four = version('m', 'nf4');
  const damaged = { ...version('m', 'nf4-dq'), damagedFiles };
  expect(suggestPair([eight, four, damaged], knownSchemes)).toEqual([
    eight.artifact.id,
    four.artifact.id,
  ]);
  expect(suggestNext([eight, four, damaged], [eight.artifact.id, four.artifact.id])).toBeNull();
  // Where there is nothing else, the person sees the mark and decides.
  expect(suggestPair([eight, damaged], knownSchemes)).toEqual([
    eight.artifact.id,
    damaged.artifact.id,
  ]);
});
