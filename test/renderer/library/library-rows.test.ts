import { describe, expect, it } from 'vitest';
import type { Library, LibraryArtifact } from '../../../app/contract/library.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import {
  libraryRows,
  neighbourOf,
  noFilter,
  type LibraryFilter,
} from '../../../renderer/views/library/library-rows.ts';
import { knownSchemes } from '../../fixtures/known-schemes.ts';

function entry(
  id: string,
  checkpointId: string,
  scheme: SchemeName,
  sizeBytes: number,
  more: { available?: boolean; perplexity?: number; sqnrDb?: number | null } = {},
): LibraryArtifact {
  return {
    artifact: {
      id,
      checkpointId,
      name: id,
      scheme,
      blockSize: null,
      directory: `/models/${id}`,
      architecture: 'LlamaForCausalLM',
      sizeBytes,
      weightsBytes: sizeBytes,
      outputLayerCopy: null,
      sourceBytes: 1000,
      weightsSha256: '',
      totals: {
        parameters: 500,
        quantizedParameters: 500,
        quantizedBitsPerWeight: 4.5,
        bitsPerWeight: 4.5,
        sqnrDb: more.sqnrDb ?? null,
        relativeError: 0,
      },
      quantizeMs: 1,
      createdAt: '2026-01-01T00:00:00Z',
    },
    available: more.available ?? true,
    damagedFiles: [],
    evaluation:
      more.perplexity === undefined
        ? null
        : {
            id: 1,
            artifactId: id,
            referenceId: null,
            weightsSha256: null,
            referenceWeightsSha256: null,
            textName: 'text',
            textSha256: '',
            tokens: 100,
            windowTokens: 64,
            mode: 'fast',
            cacheType: null,
            perplexity: more.perplexity,
            perplexityError: 0.1,
            meanKl: null,
            p99Kl: null,
            topAgreement: null,
            createdAt: '2026-01-01T00:00:00Z',
          },
  };
}

function library(artifacts: readonly LibraryArtifact[]): Library {
  const checkpoint = (id: string, available: boolean): Library['checkpoints'][number] => ({
    checkpoint: {
      id,
      name: id,
      directory: `/models/${id}`,
      origin: { repository: `lab/${id}`, revision: null, commit: null, endpoint: null },
      architecture: 'LlamaForCausalLM',
      parameters: 500,
      sizeBytes: 1000,
      license: null,
      owned: true,
      createdAt: '2026-01-01T00:00:00Z',
    },
    available,
    damagedFiles: [],
  });
  return {
    folders: [],
    checkpoints: [checkpoint('beta', true), checkpoint('alpha', true), checkpoint('gone', false)],
    artifacts: [...artifacts],
    unreadable: [],
    unfinished: [],
    totalBytes: 0,
  };
}

const full = library([
  entry('beta-nf4', 'beta', 'nf4', 300, { perplexity: 12, sqnrDb: 20 }),
  entry('beta-int8', 'beta', 'llm-int8', 600, { perplexity: 10, sqnrDb: 40 }),
  entry('alpha-nf4', 'alpha', 'nf4', 250, { sqnrDb: 19 }),
  entry('orphan-nf4', 'deleted-checkpoint', 'nf4', 200, { available: false }),
]);

const keys = (change: Partial<LibraryFilter>): readonly string[] =>
  libraryRows(full, { ...noFilter, ...change }, knownSchemes).map(({ key }) => key);

describe('the lines of the library', () => {
  it('puts artifacts below their checkpoint and orphans into a group of their own', () => {
    expect(keys({})).toEqual([
      'checkpoint alpha',
      'alpha-nf4',
      'checkpoint beta',
      'beta-int8',
      'beta-nf4',
      'removed deleted-checkpoint',
      'orphan-nf4',
      'checkpoint gone',
    ]);
  });

  it('sorts within and among groups, and puts what was never measured last both ways', () => {
    const up = keys({ sort: 'perplexity' });
    expect(up.slice(0, 3)).toEqual(['checkpoint beta', 'beta-int8', 'beta-nf4']);
    const down = keys({ sort: 'perplexity', descending: true });
    expect(down.slice(0, 3)).toEqual(['checkpoint beta', 'beta-nf4', 'beta-int8']);
    expect(keys({ sort: 'size' })[0]).toBe('removed deleted-checkpoint');
    expect(keys({ sort: 'size', descending: true }).slice(0, 2)).toEqual([
      'checkpoint gone',
      'checkpoint beta',
    ]);
  });

  it('filters by text, bits, what is offline and what was measured', () => {
    expect(keys({ text: 'LAB/BETA' })).toEqual(['checkpoint beta', 'beta-int8', 'beta-nf4']);
    expect(keys({ text: 'alpha-nf' })).toEqual(['checkpoint alpha', 'alpha-nf4']);
    expect(keys({ bits: '8' })).toEqual(['checkpoint beta', 'beta-int8']);
    expect(keys({ onlyMeasured: true })).toEqual(['checkpoint beta', 'beta-int8', 'beta-nf4']);
    expect(keys({ onlyOffline: true })).toEqual([
      'removed deleted-checkpoint',
      'orphan-nf4',
      'checkpoint gone',
    ]);
    expect(keys({ text: 'no such model' })).toEqual([]);
  });

  it('says which row gets the focus when others go', () => {
    const rows = libraryRows(full, noFilter, knownSchemes);
    expect(neighbourOf(rows, new Set(['alpha-nf4']))).toBe('checkpoint beta');
    expect(neighbourOf(rows, new Set(['beta-int8', 'beta-nf4']))).toBe(
      'removed deleted-checkpoint',
    );
    expect(neighbourOf(rows, new Set(['checkpoint gone']))).toBe('orphan-nf4');
    expect(neighbourOf(rows, new Set(['unknown']))).toBeNull();
  });
});
