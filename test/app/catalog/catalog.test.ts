import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCatalog, slugFor } from '../../../app/catalog/index.ts';
import { migrations } from '../../../app/catalog/migrations/index.ts';
import { migrate } from '../../../app/catalog/open-database.ts';
import type { Artifact, Checkpoint, TensorStatistics } from '../../../app/contract/checkpoint.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'nibble-catalog-'));
  file = path.join(folder, 'catalog.sqlite');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const checkpoint: Checkpoint = {
  id: 'sample',
  name: 'nibble/sample',
  directory: '/models/sample',
  origin: {
    repository: 'nibble/sample',
    revision: 'main',
    commit: 'a'.repeat(40),
    endpoint: 'http://hub',
  },
  architecture: 'llama',
  parameters: 1000,
  sizeBytes: 2000,
  license: 'apache-2.0',
  owned: true,
  createdAt: '2026-01-01T00:00:00.000Z',
};

const artifact: Artifact = {
  id: 'sample-nf4',
  checkpointId: 'sample',
  name: 'sample NF4',
  scheme: 'nf4',
  blockSize: 64,
  directory: '/models/sample-nf4',
  architecture: 'llama',
  sizeBytes: 700,
  weightsBytes: 600,
  outputLayerCopy: {
    tensor: 'model.embed_tokens.weight',
    scheme: 'int8-absmax',
    blockSize: 64,
    sizeBytes: 80,
    sha256: 'f'.repeat(64),
    rmsError: 0.0001,
    relativeError: 0.007,
    maxError: 0.001,
    sqnrDb: 43.1,
  },
  sourceBytes: 2000,
  weightsSha256: 'b'.repeat(64),
  totals: {
    parameters: 1000,
    quantizedParameters: 900,
    quantizedBitsPerWeight: 4.5,
    bitsPerWeight: 5.1,
    sqnrDb: 20.7,
    relativeError: 0.092,
  },
  quantizeMs: 12.5,
  createdAt: '2026-01-02T00:00:00.000Z',
};

const tensor: TensorStatistics = {
  name: 'model.layers.0.mlp.up_proj.weight',
  dtype: 'BF16',
  shape: [30, 30],
  treatment: 'quantized',
  reason: null,
  blockSize: 64,
  numel: 900,
  storedBytes: 506,
  bitsPerWeight: 4.5,
  rmsError: 0.0018,
  relativeError: 0.092,
  maxError: 0.01,
  sqnrDb: 20.7,
  cosine: 0.9958,
  sha256: 'c'.repeat(64),
};

describe('openCatalog', () => {
  it('gives back what was put in, after closing and opening again', () => {
    const first = openCatalog(file);
    first.models.addCheckpoint(checkpoint, [
      { name: 'config.json', sizeBytes: 10, sha256: null },
      { name: 'model.safetensors', sizeBytes: 1990, sha256: 'd'.repeat(64) },
    ]);
    first.models.addArtifact(
      artifact,
      [{ name: 'nibble.json', sizeBytes: 5, sha256: 'e'.repeat(64) }],
      [tensor],
    );
    const plain = { ...artifact, id: 'plain', directory: '/models/plain', outputLayerCopy: null };
    first.models.addArtifact(plain, [], []);
    first.close();

    const again = openCatalog(file);
    expect(again.models.checkpoints()).toEqual([checkpoint]);
    expect(again.models.checkpointByOrigin('http://hub', 'nibble/sample', 'a'.repeat(40))).toEqual(
      checkpoint,
    );
    expect(again.models.artifactsOf('sample')).toEqual([plain, artifact]);
    expect(again.models.tensors('sample-nf4')).toEqual([tensor]);
    expect(again.models.files('checkpoint', 'sample').map((entry) => entry.name)).toEqual([
      'config.json',
      'model.safetensors',
    ]);
    again.close();
  });

  it('adds an artifact whole or not at all', () => {
    const catalog = openCatalog(file);
    expect(() => {
      catalog.models.addArtifact(artifact, [], [tensor, tensor]);
    }).toThrow();
    expect(catalog.models.artifacts()).toEqual([]);
    expect(catalog.models.tensors('sample-nf4')).toEqual([]);
    catalog.close();
  });

  it('keeps conversations and comparisons readable when the artifact is gone', () => {
    const catalog = openCatalog(file);
    catalog.models.addArtifact(artifact, [], [tensor]);
    const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 7 };
    const id = catalog.conversations.saveLinear({
      id: null,
      artifactId: artifact.id,
      title: 'Hello',
      sampling,
      messages: [{ role: 'user', content: 'Hello' }],
      now: '2026-01-03T00:00:00.000Z',
    });
    catalog.conversations.saveLinear({
      id,
      artifactId: artifact.id,
      title: 'Hello',
      sampling,
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Hi 👋' },
      ],
      now: '2026-01-04T00:00:00.000Z',
    });
    catalog.models.removeArtifact(artifact.id);
    expect(catalog.models.tensors(artifact.id)).toEqual([]);
    expect(catalog.conversations.list()).toHaveLength(1);
    expect(catalog.conversations.conversation(id).messages.at(-1)?.content).toBe('Hi 👋');
    expect(catalog.conversations.conversation(id).updatedAt).toBe('2026-01-04T00:00:00.000Z');
    catalog.close();
  });

  it('removes evaluations with their artifact', () => {
    const catalog = openCatalog(file);
    catalog.models.addArtifact(artifact, [], []);
    const evaluation = catalog.records.addEvaluation({
      artifactId: artifact.id,
      referenceId: null,
      weightsSha256: 'b'.repeat(64),
      referenceWeightsSha256: null,
      textName: 'sample',
      textSha256: 'f'.repeat(64),
      tokens: 100,
      windowTokens: 512,
      mode: 'fast',
      cacheType: 'int8',
      perplexity: 3.5,
      perplexityError: 0.1,
      meanKl: null,
      p99Kl: null,
      topAgreement: null,
      createdAt: '2026-01-05T00:00:00.000Z',
    });
    expect(catalog.records.evaluations(artifact.id)).toEqual([evaluation]);
    catalog.models.removeArtifact(artifact.id);
    expect(catalog.records.evaluations(artifact.id)).toEqual([]);
    catalog.close();
  });

  it('gives every name an id that is free', () => {
    const catalog = openCatalog(file);
    expect(slugFor('HuggingFaceTB/SmolLM2-135M Instruct!')).toBe(
      'huggingfacetb-smollm2-135m-instruct',
    );
    expect(slugFor('…')).toBe('model');
    catalog.models.addCheckpoint(checkpoint, []);
    expect(catalog.models.freeId('Sample')).toBe('sample-2');
    expect(catalog.models.freeId('other')).toBe('other');
    catalog.close();
  });

  it('keeps an artifact of a scheme that only a newer Nibble has', () => {
    const catalog = openCatalog(file);
    catalog.models.addArtifact({ ...artifact, scheme: 'of-tomorrow.2' }, [], []);
    expect(catalog.models.artifacts()).toEqual([{ ...artifact, scheme: 'of-tomorrow.2' }]);
    expect(catalog.models.unreadable()).toEqual([]);
    catalog.close();
  });

  it('lists what it can read beside what a newer Nibble made, and names that', () => {
    const catalog = openCatalog(file);
    catalog.models.addArtifact(artifact, [], []);
    const newer = { ...artifact, id: 'newer', name: 'Newer', directory: '/models/newer' };
    catalog.models.addArtifact(newer, [], []);
    const ids = ['make', 'make', 'verify'].map(
      (kind) =>
        catalog.jobs.add({
          request:
            kind === 'make'
              ? { kind, source: 'a/b', schemes: [], device: 'auto', measure: false }
              : { kind: 'verify', id: 'x' },
          subject: 'b',
          owner: 'x',
          createdAt: artifact.createdAt,
        }).id,
    );
    const raw = new Sqlite(file);
    raw.prepare("UPDATE artifacts SET scheme = '' WHERE id = 'newer'").run();
    raw
      .prepare('UPDATE jobs SET request = ? WHERE id = ?')
      .run(JSON.stringify({ kind: 'distill' }), ids[0]);
    raw
      .prepare('UPDATE jobs SET error = ? WHERE id = ?')
      .run(JSON.stringify({ code: 'from-the-future', message: 'Words.', remedy: null }), ids[1]);
    raw.close();
    expect(catalog.models.artifacts().map(({ id }) => id)).toEqual([artifact.id]);
    expect(catalog.models.unreadable()).toEqual([
      { kind: 'artifact', id: 'newer', name: 'Newer', directory: '/models/newer' },
    ]);
    expect(() => catalog.models.artifact('newer')).toThrow(
      expect.objectContaining({ code: 'catalog-corrupt', reason: 'unreadable-row' }) as Error,
    );
    expect(catalog.models.freeId('newer')).toBe('newer-2');
    expect(catalog.models.directories()).toContain('/models/newer');
    expect(catalog.jobs.jobs().map(({ id, error }) => [id, error?.code])).toEqual([
      [ids[2], undefined],
      [ids[1], 'internal'],
    ]);
    expect(catalog.jobs.unreadable()).toMatchObject([{ kind: 'job', id: String(ids[0]) }]);
    catalog.close();
  });

  it('keeps what another process has just added, and gives the id that is free', () => {
    const first = openCatalog(file);
    const second = openCatalog(file);
    expect(first.models.addCheckpoint(checkpoint, []).id).toBe('sample');
    expect(second.models.addCheckpoint({ ...checkpoint, id: 'sample-2' }, [])).toEqual(checkpoint);
    const elsewhere = {
      ...checkpoint,
      directory: '/elsewhere',
      origin: { ...checkpoint.origin, commit: null },
    };
    expect(second.models.addCheckpoint(elsewhere, []).id).toBe('sample-2');
    first.models.addArtifact(artifact, [], []);
    expect(second.models.addArtifact(artifact, [], [tensor])).toEqual(artifact);
    expect(second.models.artifacts()).toHaveLength(1);
    first.close();
    second.close();
  });

  it('lets two processes write one catalog at the same time', async () => {
    openCatalog(file).close();
    const script = path.join(folder, 'writer.mjs');
    writeFileSync(
      script,
      `import { openCatalog } from ${JSON.stringify(path.resolve('app/catalog/index.ts'))};
      const catalog = openCatalog(${JSON.stringify(file)});
      for (let i = 0; i < 50; i++)
        catalog.conversations.saveLinear({ id: null, artifactId: 'a', title: String(process.pid),
          sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }, messages: [{ role: 'user', content: 'x' }], now: new Date().toISOString() });
      catalog.close();`,
    );
    const run = promisify(execFile);
    await Promise.all([run(process.execPath, [script]), run(process.execPath, [script])]);
    const catalog = openCatalog(file);
    expect(catalog.conversations.list()).toHaveLength(100);
    catalog.close();
  });

  it('names a damaged file and leaves it as it is', () => {
    writeFileSync(file, 'this is no database, but somebody may want it back'.repeat(100));
    const before = readFileSync(file);
    expect(() => openCatalog(file)).toThrow(
      expect.objectContaining({
        code: 'catalog-corrupt',
        message: expect.stringContaining(file) as string,
      }) as Error,
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('refuses a catalog that a newer Nibble wrote', () => {
    openCatalog(file).close();
    const raw = new Sqlite(file);
    raw.pragma('user_version = 9990');
    raw.close();
    const size = statSync(file).size;
    expect(() => openCatalog(file)).toThrow(/newer version of Nibble/);
    expect(statSync(file).size).toBe(size);
  });
});

describe('migrations', () => {
  it('keep a catalog as it was, and make the copy of the output layer part of the fingerprint', () => {
    const old = new Sqlite(file);
    migrate(
      old,
      migrations.filter(({ version }) => version <= 80),
    );
    const copy = {
      tensor: 'lm_head.weight',
      scheme: 'int8-absmax',
      blockSize: 64,
      sizeBytes: 1,
      sha256: 'c'.repeat(64),
      rmsError: 0,
      relativeError: 0,
      maxError: 0,
      sqnrDb: null,
    };
    const insert = old.prepare(
      `INSERT INTO artifacts (id, checkpoint_id, name, scheme, block_size, directory, architecture, size_bytes,
         weights_bytes, output_layer_copy, source_bytes, weights_sha256, totals, quantize_ms, created_at)
       VALUES (@id, 'm', @id, 'nf4', 64, @id, 'llama', 1, 1, @copy, 1, @hash, @totals, 1, '2026-01-01T00:00:00.000Z')`,
    );
    const totals = JSON.stringify(artifact.totals);
    const hash = 'b'.repeat(64);
    insert.run({ id: 'with', copy: JSON.stringify(copy), hash, totals });
    insert.run({ id: 'without', copy: null, hash, totals });
    old.close();
    const catalog = openCatalog(file);
    const lines = `${hash}  model.safetensors\n${copy.sha256}  runtime.safetensors\n`;
    expect(catalog.models.artifact('with')?.weightsSha256).toBe(
      createHash('sha256').update(lines).digest('hex'),
    );
    expect(catalog.models.artifact('without')?.weightsSha256).toBe(hash);
    catalog.close();
    const backup = new Sqlite(`${file}.v80.backup`, { readonly: true });
    expect(backup.pragma('user_version', { simple: true })).toBe(80);
    expect(
      backup.prepare("SELECT weights_sha256 AS hash FROM artifacts WHERE id = 'with'").get(),
    ).toEqual({ hash });
    backup.close();
  });

  it('take what checks had found from the jobs, of models that are still there', () => {
    const old = new Sqlite(file);
    migrate(
      old,
      migrations.filter(({ version }) => version < 120),
    );
    const catalogOf = (id: string): void => {
      old
        .prepare(
          `INSERT INTO artifacts (id, checkpoint_id, name, scheme, block_size, directory, architecture, size_bytes,
             weights_bytes, source_bytes, weights_sha256, totals, quantize_ms, created_at)
           VALUES (?, 'm', ?, 'nf4', 64, ?, 'llama', 1, 1, 1, ?, ?, 1, '2026-01-02T00:00:00.000Z')`,
        )
        .run(id, id, id, 'b'.repeat(64), JSON.stringify(artifact.totals));
    };
    const check = (id: string, state: string, files: unknown, endedAt: string | null): void => {
      old
        .prepare(
          `INSERT INTO jobs (request, subject, state, steps, waits_for_disk, artifact_ids, files, created_at, ended_at)
           VALUES (?, ?, ?, '[]', 0, '[]', ?, '2026-01-01T00:00:00.000Z', ?)`,
        )
        .run(
          JSON.stringify({ kind: 'verify', id }),
          id,
          state,
          files === null ? null : JSON.stringify(files),
          endedAt,
        );
    };
    const changed = [
      { name: 'a', sizeBytes: 1, state: 'ok' },
      { name: 'b', sizeBytes: 1, state: 'changed' },
    ];
    const sound = [{ name: 'b', sizeBytes: 1, state: 'ok' }];
    for (const id of ['found', 'mended', 'made-again']) catalogOf(id);
    check('found', 'done', changed, '2026-01-03T00:00:00.000Z');
    // A later one that found nothing out hides nothing.
    check('found', 'cancelled', null, '2026-01-04T00:00:00.000Z');
    check('mended', 'done', changed, '2026-01-03T00:00:00.000Z');
    check('mended', 'done', sound, '2026-01-04T00:00:00.000Z');
    check('made-again', 'done', changed, '2026-01-01T00:00:00.000Z');
    check('removed', 'done', changed, '2026-01-03T00:00:00.000Z');
    old.close();
    const catalog = openCatalog(file);
    expect([...catalog.models.damagedFiles()]).toEqual([
      [
        'found',
        [
          {
            name: 'b',
            state: 'changed',
            foundBy: 'verify',
            foundAt: '2026-01-03T00:00:00.000Z',
          },
        ],
      ],
    ]);
    // Damage of a model that has left meanwhile is nobody's.
    catalog.models.noteDamage('artifact', 'removed', [
      { name: 'b', state: 'changed', foundBy: 'use', foundAt: '2026-01-05T00:00:00.000Z' },
    ]);
    catalog.models.removeArtifact('found');
    expect(catalog.models.damagedFiles().size).toBe(0);
    catalog.close();
  });

  it('ascend', () => {
    const versions = migrations.map((migration) => migration.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
  });

  it('undo a step that fails, version included', () => {
    const db = new Sqlite(':memory:');
    expect(() => {
      migrate(db, [
        { version: 10, migrate: (target) => target.exec('CREATE TABLE a (x TEXT) STRICT') },
        {
          version: 20,
          migrate: (target) => {
            target.exec('CREATE TABLE b (x TEXT) STRICT');
            throw new Error('half way');
          },
        },
      ]);
    }).toThrow('half way');
    expect(db.pragma('user_version', { simple: true })).toBe(10);
    expect(db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()).toEqual([
      { name: 'a' },
    ]);
  });

  it('10 makes STRICT tables, checks and the indexes that the questions need', () => {
    const db = new Sqlite(':memory:');
    migrate(db, migrations.slice(0, 1));
    db.pragma('foreign_keys = ON');
    expect(db.pragma('user_version', { simple: true })).toBe(10);
    const loose = db
      .prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
      )
      .all();
    expect(loose).toEqual([]);
    expect(() =>
      db
        .prepare(
          "INSERT INTO tensors VALUES ('nobody', 0, 'n', 'F32', '[]', 'kept', NULL, NULL, 1, 1, 1, 0, 0, 0, NULL, 1, '')",
        )
        .run(),
    ).toThrow(/FOREIGN KEY/);
    const plans = {
      'SELECT * FROM checkpoints WHERE endpoint = ? AND repository = ? AND commit_hash = ?':
        'checkpoints_by_origin',
      'SELECT * FROM artifacts WHERE checkpoint_id = ?': 'artifacts_by_checkpoint',
      'SELECT * FROM tensors WHERE artifact_id = ? ORDER BY position': 'tensors_in_order',
      'SELECT * FROM evaluations WHERE artifact_id = ? ORDER BY created_at DESC':
        'evaluations_by_artifact',
      'SELECT * FROM conversations ORDER BY updated_at DESC': 'conversations_by_update',
      'SELECT * FROM comparison_artifacts WHERE artifact_id = ?': 'comparisons_of_artifact',
    };
    for (const [sql, index] of Object.entries(plans)) {
      const parameters = Array.from(sql.matchAll(/\?/g), () => 'x');
      const plan = db
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...parameters)
        .map((row) => row.detail)
        .join('; ');
      expect(plan).toMatch(new RegExp(`USING (COVERING )?INDEX ${index}`));
      expect(plan).not.toContain('TEMP B-TREE');
    }
  });
});

it('migration 50 leaves artifacts from before the copy of the output layer without one', () => {
  const raw = new Sqlite(file);
  migrate(
    raw,
    migrations.filter(({ version }) => version < 50),
  );
  const row = { ...artifact, outputLayerCopy: null };
  raw
    .prepare(
      `INSERT INTO artifacts (id, checkpoint_id, name, scheme, block_size, directory, architecture, size_bytes,
         weights_bytes, source_bytes, weights_sha256, totals, quantize_ms, created_at)
       VALUES (@id, @checkpointId, @name, @scheme, @blockSize, @directory, @architecture, @sizeBytes,
         @weightsBytes, @sourceBytes, @weightsSha256, @totals, @quantizeMs, @createdAt)`,
    )
    .run({ ...row, totals: JSON.stringify(row.totals) });
  raw.close();
  const catalog = openCatalog(file);
  expect(catalog.models.artifacts()).toEqual([row]);
  catalog.close();
});
