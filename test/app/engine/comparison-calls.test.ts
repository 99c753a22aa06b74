import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import { engineApi } from '../../../app/contract/engine-api.ts';
import { createEngine, sampleModel, type Engine } from '../../../app/engine.ts';
import { openRunner } from '../../../main/processes/open-runner.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const call = { signal: new AbortController().signal, emit: (): void => undefined };

let engine: Engine;
let ids: string[];
let artifacts: Artifact[];
beforeAll(async () => {
  engine = await createEngine({ home: await scratchFolder(), openRunner });
  const params = engineApi.quantize.params.parse({
    source: sampleModel.directory,
    schemes: ['bf16', 'nf4'],
  });
  artifacts = await engine.handlers.quantize(params, call);
  ids = artifacts.map(({ id }) => id);
});
afterAll(() => engine.close());

describe('a comparison from question to report', () => {
  it('is made, voted on, counted, exported and removed', async () => {
    const { handlers } = engine;
    const params = engineApi.compare.params.parse({
      ids,
      prompt: 'Tell me a riddle.',
      sampling: { temperature: 0.7, seed: 5 },
      maxTokens: 20,
      arrangement: 'together',
    });
    const kinds = new Set<string>();
    const emit = ({ kind }: { kind: string }): void => void kinds.add(kind);
    const made = await handlers.compare(params, { ...call, emit });
    expect([...kinds].sort()).toEqual(['progress', 'tokens']);
    const comparisonId = made.id ?? 0;
    expect(await handlers.comparisons({}, call)).toMatchObject([
      { id: comparisonId, artifactIds: ids, schemes: ['bf16', 'nf4'], votes: 0 },
    ]);

    const [first = '', second = ''] = ids;
    await expect(
      handlers.vote({ comparisonId, artifactId: 'nobody', blind: true }, call),
    ).rejects.toMatchObject({ code: 'invalid-input' });
    const voted = await handlers.vote({ comparisonId, artifactId: second, blind: true }, call);
    expect(voted.votes).toMatchObject([{ artifactId: second, blind: true }]);
    const [winRate] = await handlers.winRates({}, call);
    const isFirst = winRate?.firstId === second;
    expect([winRate?.firstId, winRate?.secondId].sort()).toEqual([first, second].sort());
    expect(isFirst ? winRate.firstWins : winRate?.secondWins).toBe(1);

    const report = await handlers.exportComparison({ comparisonId }, call);
    expect(report.fileName).toMatch(/^nibble-comparison-\d+-\d{4}-\d{2}-\d{2}\.html$/);
    for (const { weightsSha256 } of artifacts) expect(report.html).toContain(weightsSha256);

    await handlers.removeComparison({ comparisonId }, call);
    await expect(handlers.comparison({ comparisonId }, call)).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await handlers.winRates({}, call)).toEqual([]);
  });

  it('scores a text and looks at a tensor', async () => {
    const [referenceId = '', id = ''] = ids;
    const scored = await engine.handlers.scoreText(
      { referenceId, ids: [id], text: 'The fox ran home.', mode: 'fast' },
      call,
    );
    expect(scored.columns.map(({ artifactId }) => artifactId)).toEqual([referenceId, id]);
    const tensor = 'model.layers.0.mlp.up_proj.weight';
    const view = await engine.handlers.tensorView({ id, tensor, bins: 16 }, call);
    expect(view).toMatchObject({ source: 'checkpoint', shape: [768, 256] });
    expect(view.levels).toHaveLength(16);
    await expect(
      engine.handlers.tensorView({ id, tensor: 'layers.0.mlp.up', bins: 16 }, call),
    ).rejects.toMatchObject({
      code: 'not-found',
      remedy: expect.stringContaining('model.layers.0.mlp') as string,
    });
  });
});
