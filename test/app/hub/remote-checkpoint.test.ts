import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../app/checkpoint/index.ts';
import { readRemoteCheckpoint } from '../../../app/hub/index.ts';
import { contentOf } from '../../fixtures/hub/hub-faults.ts';
import { safetensorsBytes, SHARDS } from '../../fixtures/hub-model.ts';
import { LocalSession, NAME } from './local-session.ts';

async function read(session: LocalSession): ReturnType<typeof readRemoteCheckpoint> {
  const repository = await session.hub.repository(NAME, 'main');
  return readRemoteCheckpoint(session.hub, repository);
}

describe('a remote checkpoint', () => {
  it('is read from its headers alone, as it would be from the disk', async () => {
    await using session = await LocalSession.start();
    const remote = await read(session);
    const local = await openCheckpoint(session.source.directory);
    expect(remote.tensors).toEqual(local.tensors);
    expect(remote.config).toEqual(local.config);
    expect(remote).toMatchObject({ hasTokenizer: true, hasChatTemplate: true });
    await local.close();
    expect(session.log.count(contentOf('.safetensors'))).toBe(SHARDS.length);
    expect(remote.transferredBytes).toBeLessThan(140_000);
  });

  it('needs a second request only for a long header', async () => {
    await using session = await LocalSession.start();
    const names = Array.from({ length: 2000 }, (_, i) => [`layers.${i}.weight`, 4] as const);
    writeFileSync(
      session.source.join('model.safetensors'),
      safetensorsBytes(Object.fromEntries(names)),
    );
    const remote = await read(session);
    expect(remote.tensors).toHaveLength(2000);
    expect(session.log.count(contentOf('.safetensors'))).toBe(2);
  });

  it('that is not complete is refused', async () => {
    await using session = await LocalSession.start();
    rmSync(session.source.join(SHARDS[1] ?? ''));
    await expect(read(session)).rejects.toMatchObject({
      code: 'malformed-file',
      message: expect.stringContaining(SHARDS[1] ?? '') as string,
    });
  });

  it('with a broken header or configuration is refused', async () => {
    await using session = await LocalSession.start();
    const file = session.source.join(SHARDS[0] ?? '');
    const bytes = readFileSync(file);
    bytes.writeBigUInt64LE(2n ** 60n);
    writeFileSync(file, bytes);
    await expect(read(session)).rejects.toMatchObject({ code: 'malformed-file' });
    writeFileSync(session.source.join('config.json'), '{');
    await expect(read(session)).rejects.toMatchObject({ code: 'malformed-file' });
  });

  it('without a tokenizer or template says so', async () => {
    await using session = await LocalSession.start();
    rmSync(session.source.join('tokenizer.json'));
    rmSync(session.source.join('tokenizer_config.json'));
    expect(await read(session)).toMatchObject({ hasTokenizer: false, hasChatTemplate: false });
  });
});
