import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCatalog, type Catalog } from '../../../app/catalog/index.ts';
import { migrations } from '../../../app/catalog/migrations/index.ts';
import { migrate } from '../../../app/catalog/open-database.ts';
import { answerWith, comparisonOf } from '../../fixtures/comparison.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const eight = answerWith('dogs-int8', 'llm-int8', ['Dogs', ' bark']);
const four = answerWith('dogs-nf4', 'nf4', ['Dogs', ' purr']);
const three = answerWith('dogs-fp4', 'fp4', ['Cats']);

let file: string;
let catalog: Catalog;
beforeEach(async () => {
  file = path.join(await scratchFolder(), 'catalog.sqlite');
  catalog = openCatalog(file);
  return () => {
    catalog.close();
  };
});

const at = (day: number): string => `2026-02-0${day}T10:00:00.000Z`;
const add = (day: number, answers = [eight, four]): number =>
  catalog.comparisons.add(comparisonOf(answers, at(day))).id ?? 0;

describe('comparisons in the catalog', () => {
  it('come back as they went in, with their votes in order', () => {
    const comparison = comparisonOf([eight, four], at(1));
    const added = catalog.comparisons.add(comparison);
    const id = added.id ?? 0;
    expect(added).toEqual({ ...comparison, id });
    const votes = [
      { artifactId: 'dogs-nf4', blind: true, createdAt: at(2) },
      { artifactId: null, blind: false, createdAt: at(3) },
    ];
    for (const vote of votes) catalog.comparisons.addVote(id, vote);
    catalog.close();
    catalog = openCatalog(file);
    expect(catalog.comparisons.get(id)).toEqual({ ...comparison, id, votes });
  });

  it('are listed newest first, without their answers', () => {
    const first = add(1);
    const second = add(3, [three, four, eight]);
    const between = add(2);
    catalog.comparisons.addVote(second, { artifactId: null, blind: true, createdAt: at(4) });
    expect(catalog.comparisons.summaries()).toEqual([
      {
        id: second,
        prompt: 'Tell me about dogs',
        artifactIds: ['dogs-fp4', 'dogs-nf4', 'dogs-int8'],
        schemes: ['fp4', 'nf4', 'llm-int8'],
        votes: 1,
        createdAt: at(3),
      },
      expect.objectContaining({ id: between, votes: 0 }),
      expect.objectContaining({ id: first, votes: 0 }),
    ]);
    // The list reads no body: one that cannot be read does not spoil it.
    const raw = new Sqlite(file);
    raw.prepare("UPDATE comparisons SET body = '{}' WHERE id = ?").run(first);
    raw.close();
    expect(catalog.comparisons.summaries()).toHaveLength(3);
    expect(() => catalog.comparisons.get(first)).toThrow(
      expect.objectContaining({ code: 'catalog-corrupt' }) as Error,
    );
  });

  it('take votes only for those who answered', () => {
    const id = add(1);
    const vote = { artifactId: 'dogs-fp4', blind: true, createdAt: at(2) };
    expect(() => {
      catalog.comparisons.addVote(id, vote);
    }).toThrow(expect.objectContaining({ code: 'invalid-input' }) as Error);
    expect(catalog.comparisons.get(id).votes).toEqual([]);
    expect(() => {
      catalog.comparisons.addVote(id + 1, { ...vote, artifactId: null });
    }).toThrow(expect.objectContaining({ code: 'not-found' }) as Error);
    expect(catalog.comparisons.ballots()).toEqual([]);
  });

  it('are removed with their votes, once', () => {
    const gone = add(1);
    const stays = add(2, [three, eight]);
    for (const id of [gone, stays])
      catalog.comparisons.addVote(id, { artifactId: 'dogs-int8', blind: true, createdAt: at(3) });
    catalog.comparisons.remove(gone);
    expect(catalog.comparisons.summaries().map(({ id }) => id)).toEqual([stays]);
    expect(catalog.comparisons.ballots()).toEqual([
      { artifactIds: ['dogs-fp4', 'dogs-int8'], choice: 'dogs-int8' },
    ]);
    for (const call of [
      () => catalog.comparisons.get(gone),
      () => {
        catalog.comparisons.remove(gone);
      },
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'not-found' }) as Error);
  });
});

describe('migration 40', () => {
  it('gives comparisons from before their schemes, an arrangement and no votes', () => {
    const old = path.join(path.dirname(file), 'old.sqlite');
    const raw = new Sqlite(old);
    migrate(
      raw,
      migrations.filter(({ version }) => version < 40),
    );
    // As it was written before there were arrangements and votes.
    const { arrangement, votes, ...before } = comparisonOf([eight, four], at(1));
    expect([arrangement, votes]).toEqual(['together', []]);
    raw
      .prepare('INSERT INTO comparisons (id, prompt, body, created_at) VALUES (1, ?, ?, ?)')
      .run(before.prompt, JSON.stringify(before), before.createdAt);
    for (const [position, { artifactId }] of before.answers.entries())
      raw
        .prepare(
          'INSERT INTO comparison_artifacts (comparison_id, position, artifact_id) VALUES (1, ?, ?)',
        )
        .run(position, artifactId);
    raw.close();
    const migrated = openCatalog(old);
    expect(migrated.comparisons.summaries()).toMatchObject([
      { id: 1, schemes: ['llm-int8', 'nf4'], votes: 0 },
    ]);
    expect(migrated.comparisons.get(1)).toEqual({
      ...before,
      id: 1,
      arrangement: 'alone',
      votes: [],
    });
    migrated.close();
  });

  it('makes a STRICT table and the indexes that the list needs', () => {
    const db = new Sqlite(':memory:');
    migrate(db);
    expect(db.prepare("SELECT strict FROM pragma_table_list WHERE name = 'votes'").get()).toEqual({
      strict: 1,
    });
    const plan = (sql: string): string =>
      db
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join('; ');
    expect(plan('SELECT * FROM votes WHERE comparison_id = 1 ORDER BY id')).toMatch(
      /votes_of_comparison/,
    );
    expect(
      plan('SELECT id, prompt, created_at FROM comparisons ORDER BY created_at DESC, id DESC'),
    ).toMatch(/comparisons_by_date/);
  });
});
