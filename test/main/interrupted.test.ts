// kill -9 between any two changes of the disk: nothing is lost, nothing false is listed, the end is the same bytes.
// (`npm run kills` does the same at random moments and with every command.)
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCatalog } from '../../app/catalog/index.ts';
import { artifactSchema, checkpointSchema } from '../../app/contract/checkpoint.ts';
import { startLocalHub, type LocalHub } from '../../app/local-hub/index.ts';
import { fingerprintOf } from '../fixtures/tensors-hash.ts';
import { writeTinyCheckpoint } from '../fixtures/tiny-checkpoint.ts';

const entry = fileURLToPath(new URL('../../main/cli/cli.ts', import.meta.url));
const dieAt = new URL('../fixtures/processes/die-at.mjs', import.meta.url).href;
const seed = Number(process.env['NIBBLE_TEST_SEED'] ?? Date.now() % 2 ** 31);

let work: string;
let source: string;
let hub: LocalHub;

beforeAll(async () => {
  work = mkdtempSync(path.join(tmpdir(), 'nibble-interrupted-'));
  source = path.join(work, 'source');
  // Small tensors: the journal is written once for a few megabytes, and each time is a place to be killed at.
  await writeTinyCheckpoint(source, { layers: 12, hiddenSize: 256, intermediateSize: 1024 });
  hub = await startLocalHub({ repositories: { 'test/interrupted': { directory: source } } });
});
afterAll(async () => {
  await hub.close();
  rmSync(work, { recursive: true, force: true });
});

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
}

/** Runs the command; it dies before its `call`-th change of a file. With 0 it must succeed. */
function run(args: readonly string[], home: string, call: number): Promise<Ended> {
  const query = new URLSearchParams({ counter: path.join(work, 'calls'), call: String(call) });
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', `${dieAt}?${query.toString()}`, entry, '--json', '--home', home, ...args],
      {
        env: { ...process.env, HF_TOKEN: '', HF_ENDPOINT: hub.endpoint },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve({ signal, stdout });
      else reject(new Error(`nibble ${args.join(' ')} ended with ${code ?? signal}: ${stderr}`));
    });
  });
}

async function finish(args: readonly string[], home: string): Promise<unknown> {
  return JSON.parse((await run(args, home, 0)).stdout);
}

/** The first place, the last and two between them, of the calls that an undisturbed run makes. */
function places(round: number): number[] {
  const calls = Number(readFileSync(path.join(work, 'calls'), 'utf8'));
  expect(calls).toBeGreaterThan(20);
  // Other places in every run of the test; what failed can be tried again with its seed.
  const spread = ((seed >>> (4 * round)) % 16) / 16;
  return [0.02, 0.4 * spread + 0.1, 0.4 * spread + 0.55, 0.98].map((share) =>
    Math.max(1, Math.round(share * calls)),
  );
}

/** What the catalog lists; empty where there is none yet. */
function listed(home: string): {
  checkpoints: { directory: string }[];
  artifacts: { directory: string }[];
} {
  const file = path.join(home, 'catalog.sqlite');
  if (!existsSync(file)) return { checkpoints: [], artifacts: [] };
  const catalog = openCatalog(file);
  try {
    return { checkpoints: catalog.models.checkpoints(), artifacts: catalog.models.artifacts() };
  } finally {
    catalog.close();
  }
}

function weightsOf(directory: string): Buffer {
  return readFileSync(path.join(directory, 'model.safetensors'));
}

describe(`kill -9 (seed ${seed})`, () => {
  it('of a pull loses nothing and lists nothing false', async () => {
    const args = ['pull', 'test/interrupted'];
    const sha256 = (directory: string): string =>
      createHash('sha256').update(weightsOf(directory)).digest('hex');
    const expected = sha256(source);
    checkpointSchema.parse(await finish(args, path.join(work, 'undisturbed')));
    const home = path.join(work, 'pull');
    for (const call of places(0)) {
      // What is done already is not done again: a later run may have fewer calls than the place that was chosen.
      const { signal } = await run(args, home, call);
      if (signal === null) break;
      for (const { directory } of listed(home).checkpoints)
        expect(sha256(directory)).toBe(expected);
    }
    const made = checkpointSchema.parse(await finish(args, home));
    expect(sha256(made.directory)).toBe(expected);
    expect(await finish(['verify', made.id], home)).toMatchObject({ ok: true });
  });

  it('of a quantize gives the same bytes in the end', async () => {
    const args = ['quantize', source, '--scheme', 'nf4-dq'];
    const undisturbed = artifactSchema
      .array()
      .parse(await finish(args, path.join(work, 'undisturbed-quantize')));
    const expected = undisturbed[0]?.weightsSha256;
    const kills: number[] = [];
    for (const [round, call] of places(1).entries()) {
      const home = path.join(work, `quantize-${round}`);
      // Twice: what resumes is killed as well.
      for (const at of [call, Math.ceil(call / 2)]) {
        if ((await run(args, home, at)).signal !== null) kills.push(at);
        for (const { directory } of listed(home).artifacts)
          expect(fingerprintOf(directory)).toBe(expected);
      }
      const [artifact] = artifactSchema.array().parse(await finish(args, home));
      expect(artifact?.weightsSha256).toBe(expected);
      expect(fingerprintOf(artifact?.directory ?? '')).toBe(expected);
    }
    expect(kills.length).toBeGreaterThan(4);
    expect(
      await finish(['verify', undisturbed[0]?.id ?? ''], path.join(work, 'quantize-1')),
    ).toMatchObject({
      ok: true,
    });
  });

  it('of a removal leaves the whole model or nothing of it', async () => {
    const home = path.join(work, 'removal');
    const template = path.join(work, 'before-removal');
    const { id, directory } = checkpointSchema.parse(
      await finish(['pull', 'test/interrupted'], home),
    );
    const filesIn = (folder: string): string[] =>
      existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
    const whole = filesIn(path.dirname(directory)).length;
    const args = ['remove', id, '--yes'];
    cpSync(home, template, { recursive: true, preserveTimestamps: true });
    await finish(args, home);
    const calls = Number(readFileSync(path.join(work, 'calls'), 'utf8'));
    // The last changes are the removal itself; those before are of a process that starts.
    for (const call of [calls - 4, calls - 2, calls - 1, calls]) {
      rmSync(home, { recursive: true, force: true });
      cpSync(template, home, { recursive: true, preserveTimestamps: true });
      await run(args, home, call);
      // The next start finishes what was begun.
      await finish(['list'], home);
      const isListed = listed(home).checkpoints.length === 1;
      expect(filesIn(path.dirname(directory))).toHaveLength(isListed ? whole : 0);
    }
  });
});
