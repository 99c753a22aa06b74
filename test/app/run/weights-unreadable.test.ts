import { truncate } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../app/runner.ts';
import { toWire } from '../../../app/contract/error.ts';
import { chatModel } from '../../fixtures/chat-model.ts';

// Windows does not let a mapped file be cut.
describe.skipIf(process.platform === 'win32')(
  'a model whose weights are cut while it is loaded',
  () => {
    it('fails with a code, a reason and the name of the file, also across processes', async () => {
      const directory = await chatModel();
      const runner = createRunner();
      const call = { signal: new AbortController().signal, emit: () => undefined };
      const request = {
        ids: [1, 4000],
        sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 },
        maxTokens: 4,
        alternatives: 0,
        ignoreStopIds: true,
        reuse: true,
      };
      await runner.load({ directory, mode: 'fast', device: 'cpu', profile: false }, call);
      expect((await runner.generate(request, call)).ids).toHaveLength(4);
      await truncate(path.join(directory, 'model.safetensors'), 4096);
      const failure = await runner.generate(request, call).catch((error: unknown) => toWire(error));
      expect(failure).toMatchObject({
        code: 'malformed-file',
        reason: 'weights-unreadable',
        facts: { file: 'model.safetensors' },
      });
    });
  },
);
