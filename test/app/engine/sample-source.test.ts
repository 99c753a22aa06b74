import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { SAMPLE_SOURCE } from '../../../app/contract/inspection.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';
import { quiet, TestEngine } from '../../fixtures/test-engine.ts';

/** Nothing listens there: whoever asks the network fails. */
const NO_HUB = 'http://127.0.0.1:9';

it('makes the sample model without a network, as a copy in the library', async () => {
  const home = await scratchFolder();
  await using engine = await TestEngine.open(home, { hubEndpoint: NO_HUB });

  const inspection = await engine.handlers.inspect(
    { source: SAMPLE_SOURCE, contextLength: 4096 },
    quiet,
  );
  expect(inspection).toMatchObject({ runnable: true, directory: null, license: 'apache-2.0' });

  const started = await engine.make(SAMPLE_SOURCE, ['nf4-dq']);
  expect(started.subject).toBe('sample');
  const done = await engine.done(started.id);
  expect(done.artifactIds).toHaveLength(1);

  const { checkpoints, artifacts } = await engine.handlers.list({}, quiet);
  expect(checkpoints).toMatchObject([{ name: 'nibble/sample', owned: true }]);
  const directory = checkpoints[0]?.directory ?? '';
  expect(directory.startsWith(home)).toBe(true);
  expect(existsSync(path.join(directory, 'model.safetensors'))).toBe(true);
  const planned = inspection.schemes.find(({ scheme }) => scheme === 'nf4-dq');
  expect(artifacts[0]?.weightsBytes).toBe(planned?.weightsBytes);
}, 60_000);

it('copies it once', async () => {
  await using engine = await TestEngine.open(await scratchFolder(), { hubEndpoint: NO_HUB });
  const first = await engine.handlers.pull({ source: SAMPLE_SOURCE }, quiet);
  const again = await engine.handlers.pull({ source: SAMPLE_SOURCE }, quiet);
  expect(again.id).toBe(first.id);
  expect((await engine.handlers.list({}, quiet)).checkpoints).toHaveLength(1);
}, 60_000);
