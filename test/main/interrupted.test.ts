import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { artifactSchema, checkpointSchema } from '../../app/contract/checkpoint.ts';
import { startLocalHub, type LocalHub } from '../../app/local-hub/index.ts';
import { runCli, runJson } from '../fixtures/run-cli.ts';
import type { Shape } from '../bench/shapes.ts';
import { writeSyntheticCheckpoint } from '../bench/synthetic-checkpoint.ts';
import { tensorsHashOf } from '../fixtures/tensors-hash.ts';

/** Large enough that a kill lands in the middle of the work, small enough for a test: about 60 MB. */
const shape: Shape = {
  key: 'interrupted',
  title: 'interrupted',
  hiddenSize: 512,
  layers: 8,
  heads: 8,
  kvHeads: 4,
  headDim: 64,
  intermediateSize: 1536,
  vocabularySize: 8192,
  contextLength: 8192,
  ropeTheta: 500000,
  ropeScaling: null,
};
const KILLS = 10;
const listSchema = z.object({
  checkpoints: z.array(checkpointSchema),
  artifacts: z.array(artifactSchema),
});

let work: string;
let hub: LocalHub;
let environment: Record<string, string>;

beforeAll(async () => {
  work = mkdtempSync(path.join(tmpdir(), 'nibble-interrupted-'));
  const directory = writeSyntheticCheckpoint(work, shape);
  hub = await startLocalHub({
    repositories: { 'test/interrupted': { directory } },
    // Slow enough that a download takes a second or two.
    intercept: ({ host }) =>
      host === 'content' ? { kind: 'slow', pieceBytes: 1 << 20, pauseMs: 20 } : undefined,
  });
  environment = { HF_ENDPOINT: hub.endpoint };
});
afterAll(async () => {
  await hub.close();
  rmSync(work, { recursive: true, force: true });
});

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** What the catalog should say of the weights in this folder. */
function weightsHash(directory: string): string {
  return tensorsHashOf(readFileSync(path.join(directory, 'model.safetensors')));
}

/**
 * Runs the command and kills it `delayMs` after its first byte lies under `begun`, unless it is done before: start-up is
 * most of so short a job, and a kill there proves nothing.
 */
async function runAndKill(
  args: string[],
  home: string,
  begun: string,
  delayMs: number,
): Promise<boolean> {
  const { signal } = await runCli(args, {
    home,
    environment,
    onStart: (child) => {
      let timer: NodeJS.Timeout | null = null;
      const watch = setInterval(() => {
        if (timer !== null || !hasFiles(path.join(home, begun))) return;
        timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
      }, 2);
      child.on('close', () => {
        clearInterval(watch);
        if (timer !== null) clearTimeout(timer);
      });
    },
  });
  return signal === 'SIGKILL';
}

function hasFiles(folder: string): boolean {
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true, withFileTypes: true }).some((entry) => entry.isFile())
  );
}

/** How long the undisturbed command takes, so that kills can land anywhere in it. */
async function timed<T>(action: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = performance.now();
  const result = await action();
  return { result, ms: performance.now() - started };
}

describe('kill -9', () => {
  it(`of a pull at ${KILLS} random moments loses nothing and lists nothing false`, async () => {
    const calm = path.join(work, 'calm-pull');
    const undisturbed = await timed(() =>
      runJson(['pull', 'test/interrupted'], { home: calm, environment }),
    );
    const expected = sha256(
      path.join(checkpointSchema.parse(undisturbed.result).directory, 'model.safetensors'),
    );

    const home = path.join(work, 'pull');
    let killed = 0;
    for (let round = 0; round < KILLS; round++) {
      // Each round a home of its own half the time: kills then fall into first and into resumed downloads.
      const roundHome = round % 2 === 0 ? home : path.join(work, `pull-${round}`);
      if (
        await runAndKill(
          ['pull', 'test/interrupted'],
          roundHome,
          'checkpoints',
          Math.random() * undisturbed.ms,
        )
      ) {
        killed++;
        const { checkpoints } = listSchema.parse(await runJson(['list'], { home: roundHome }));
        for (const checkpoint of checkpoints)
          expect(sha256(path.join(checkpoint.directory, 'model.safetensors'))).toBe(expected);
      }
      if (round % 2 === 1) {
        const rerun = checkpointSchema.parse(
          await runJson(['pull', 'test/interrupted'], { home: roundHome, environment }),
        );
        expect(sha256(path.join(rerun.directory, 'model.safetensors'))).toBe(expected);
      }
    }
    expect(killed).toBeGreaterThan(2);
    const final = checkpointSchema.parse(
      await runJson(['pull', 'test/interrupted'], { home, environment }),
    );
    expect(sha256(path.join(final.directory, 'model.safetensors'))).toBe(expected);
    expect(await runJson(['verify', final.id], { home })).toMatchObject({ ok: true });
  }, 240_000);

  it(`of a quantize at ${KILLS} random moments gives the same bytes in the end`, async () => {
    const source = path.join(work, 'interrupted');
    const args = ['quantize', source, '--scheme', 'nf4-dq'];
    const calm = path.join(work, 'calm-quantize');
    const undisturbed = await timed(() => runJson(args, { home: calm }));
    const expected = artifactSchema.array().parse(undisturbed.result)[0]?.weightsSha256;

    let killed = 0;
    for (let round = 0; round < KILLS; round++) {
      const home = path.join(work, `quantize-${round}`);
      for (let attempt = 0; attempt < 2; attempt++)
        // The second attempt finds files from its first moment on: its start-up counts.
        if (
          await runAndKill(
            args,
            home,
            'artifacts',
            Math.random() * (attempt === 0 ? 300 : undisturbed.ms),
          )
        ) {
          killed++;
          const { artifacts } = listSchema.parse(await runJson(['list'], { home }));
          for (const artifact of artifacts) expect(weightsHash(artifact.directory)).toBe(expected);
        }
      const [artifact] = artifactSchema.array().parse(await runJson(args, { home }));
      expect(artifact?.weightsSha256).toBe(expected);
      expect(weightsHash(artifact?.directory ?? '')).toBe(expected);
      expect(await runJson(['verify', artifact?.id ?? ''], { home })).toMatchObject({ ok: true });
      rmSync(home, { recursive: true, force: true });
    }
    expect(killed).toBeGreaterThan(2);
  }, 240_000);
});
