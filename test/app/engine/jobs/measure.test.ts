import { expect, it } from 'vitest';
import { heldOutText } from '../../../../app/engine.ts';
import { chatHome, openChatEngine } from '../../../fixtures/chat-home.ts';

it('measures with the cache that was asked for, and shows what models usually do', async () => {
  const { client } = await openChatEngine(await chatHome(['nf4-dq']));
  const id = 'sample-nf4-dq';
  const what = { id, text: await heldOutText(), textName: 'sample', maxTokens: 200 } as const;
  const usual = await client.evaluate(what);
  const named = await client.evaluate({ ...what, cacheType: 'f16' });
  const small = await client.evaluate({ ...what, cacheType: 'int8' });
  expect(usual.cacheType).toBeNull();
  // The mode's own type by name is no other measurement.
  expect(named).toMatchObject({ cacheType: null, perplexity: usual.perplexity });
  expect(small.cacheType).toBe('int8');
  expect(small.perplexity).not.toBe(usual.perplexity);
  expect(Math.abs(small.perplexity / usual.perplexity - 1)).toBeLessThan(0.05);
  const { artifacts } = await client.library({});
  expect(artifacts.find(({ artifact }) => artifact.id === id)?.evaluation?.id).toBe(named.id);
});
