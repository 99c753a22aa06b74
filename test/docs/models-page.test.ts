import { expect, it } from 'vitest';
import { listedModels } from '../../app/models/registry.ts';
import { modelExamples } from './model-examples.ts';
import { modelsPage, writtenModelsPage } from './models-page.ts';

it('lists every model type that the code knows, and no other', () => {
  expect(Object.keys(modelExamples).toSorted()).toEqual([...listedModels.keys()].toSorted());
});

it('says what the backends say of each', async () => {
  // `node test/docs/models-page.ts` writes it anew.
  expect(await writtenModelsPage()).toBe(await modelsPage());
});
