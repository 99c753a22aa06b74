import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { LIST_SQL, SEARCH_SQL } from '../../../app/catalog/conversations.ts';
import { openCatalog, type Catalog } from '../../../app/catalog/index.ts';
import { migrations } from '../../../app/catalog/migrations/index.ts';
import { migrate } from '../../../app/catalog/open-database.ts';
import { branchOf, type ConversationSettings } from '../../../app/contract/conversation.ts';
import { greedySampling, type Message } from '../../../app/contract/sampling.ts';
import { scratchFolder } from '../../fixtures/scratch.ts';

const settings: ConversationSettings = {
  artifactId: 'sample-nf4',
  system: '',
  sampling: { ...greedySampling, temperature: 0.7, seed: 7 },
  maxTokens: 100,
};

let file: string;
let catalog: Catalog;
let clock = 0;

function now(): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, clock++)).toISOString();
}

function keep(title: string, ...contents: string[]): number {
  const messages = contents.map((content, i): Message => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content,
  }));
  return catalog.conversations.saveLinear({ id: null, ...settings, title, messages, now: now() });
}

function found(query: string): number[] {
  return catalog.conversations.list(query).map(({ id }) => id);
}

beforeEach(async () => {
  file = path.join(await scratchFolder(), 'catalog.sqlite');
  catalog = openCatalog(file);
  return () => {
    catalog.close();
  };
});

describe('the migration to trees', () => {
  const old = migrations.filter(({ version }) => version === 10);
  const step = migrations.filter(({ version }) => version === 30);

  function version10(): Sqlite.Database {
    const db = new Sqlite(':memory:');
    db.pragma('foreign_keys = ON');
    migrate(db, old);
    db.exec(`
      INSERT INTO conversations VALUES
        (3, 'a', 'Greeting', '{"temperature":0}', '2026-01-01', '2026-01-02'),
        (5, 'b', 'Empty', '{"temperature":0}', '2026-01-01', '2026-01-03'),
        (8, 'b', 'Other', '{"temperature":0}', '2026-01-01', '2026-01-04');
      INSERT INTO messages VALUES
        (8, 0, 'user', 'Why is the sky blue?'), (8, 1, 'assistant', 'Rayleigh 👋'),
        (3, 2, 'assistant', 'Hi!'), (3, 0, 'system', 'Be brief.'), (3, 1, 'user', 'Hello'),
        (3, 3, 'user', 'And now?'), (3, 4, 'system', 'Be kind.');
    `);
    return db;
  }

  it('keeps every message in order, and moves the system prompt to the conversation', () => {
    const db = version10();
    migrate(db, [...old, ...step]);
    expect(db.pragma('user_version', { simple: true })).toBe(30);
    const rows = db
      .prepare(
        `SELECT conversation_id AS c, parent_id AS p, id, role, content, artifact_id AS a, state, created_at AS t
         FROM messages ORDER BY id`,
      )
      .all();
    const common = { state: 'complete' };
    expect(rows).toEqual([
      { ...common, c: 3, p: null, id: 1, role: 'user', content: 'Hello', a: null, t: '2026-01-02' },
      { ...common, c: 3, p: 1, id: 2, role: 'assistant', content: 'Hi!', a: 'a', t: '2026-01-02' },
      { ...common, c: 3, p: 2, id: 3, role: 'user', content: 'And now?', a: null, t: '2026-01-02' },
      {
        ...common,
        c: 8,
        p: null,
        id: 4,
        role: 'user',
        content: 'Why is the sky blue?',
        a: null,
        t: '2026-01-04',
      },
      {
        ...common,
        c: 8,
        p: 4,
        id: 5,
        role: 'assistant',
        content: 'Rayleigh 👋',
        a: 'b',
        t: '2026-01-04',
      },
    ]);
    expect(
      db.prepare('SELECT id, title, system, leaf_id, deleted_at FROM conversations').all(),
    ).toEqual([
      { id: 3, title: 'Greeting', system: 'Be brief.\n\nBe kind.', leaf_id: 3, deleted_at: null },
      { id: 5, title: 'Empty', system: '', leaf_id: null, deleted_at: null },
      { id: 8, title: 'Other', system: '', leaf_id: 5, deleted_at: null },
    ]);
    expect(db.prepare(SEARCH_SQL).all({ query: '"rayl"*' })).toMatchObject([{ id: 8 }]);
    expect(db.prepare(SEARCH_SQL).all({ query: '"greet"*' })).toMatchObject([{ id: 3 }]);
    expect(db.pragma('foreign_key_check')).toEqual([]);
  });

  it('leaves STRICT tables, and no index or table of before', () => {
    const db = version10();
    migrate(db, [...old, ...step]);
    expect(
      db
        .prepare(
          `SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0
             AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%_search_%'`,
        )
        .all(),
    ).toEqual([]);
    expect(
      db
        .prepare(
          "SELECT name FROM sqlite_master WHERE name LIKE '%linear%' OR name = 'conversations_by_update'",
        )
        .all(),
    ).toEqual([]);
    const insert = db.prepare(
      "INSERT INTO messages (conversation_id, parent_id, role, content, state, created_at) VALUES (3, ?, 'user', '', 'complete', '')",
    );
    expect(() => insert.run(999)).toThrow(/CHECK|FOREIGN KEY/);
  });

  it('answers the questions of the app by its indexes', () => {
    const db = version10();
    migrate(db, [...old, ...step]);
    const plan = (sql: string, ...params: unknown[]): string =>
      db
        .prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...params)
        .map(({ detail }) => detail)
        .join('; ');
    const list = plan(LIST_SQL);
    expect(list).toContain('SCAN conversations USING INDEX conversations_shown');
    expect(list).toContain('COVERING INDEX messages_by_conversation');
    expect(list).not.toContain('TEMP B-TREE');
    const search = plan(SEARCH_SQL, { query: '"x"*' });
    expect(search).toContain('SCAN message_search VIRTUAL TABLE INDEX');
    expect(search).toContain('SEARCH messages USING INTEGER PRIMARY KEY');
    expect(search).toContain('SEARCH conversations USING INTEGER PRIMARY KEY');
    // Neither table is read through: only what the index of words gives.
    expect(search).not.toMatch(/SCAN (messages|conversations)\b/);
    expect(plan('SELECT count(*) FROM messages WHERE parent_id = ?', 1)).toContain(
      'messages_by_parent',
    );
    expect(plan("UPDATE messages SET state = 'failed' WHERE state = 'streaming'")).toContain(
      'messages_streaming',
    );
  });
});

describe('searching conversations', () => {
  it('finds words by their beginning, in titles and messages, last changed first', () => {
    const sky = keep('Weather', 'Why is the sky blue?', 'Sunlight scatters on molecules.');
    const cake = keep('Blueberry cake', 'How do I bake it?', 'With flour.');
    expect(found('')).toEqual([cake, sky]);
    expect(found('blu')).toEqual([cake, sky]);
    expect(found('SKY wh')).toEqual([sky]);
    expect(found('scat')).toEqual([sky]);
    expect(found('atters')).toEqual([]);
    expect(found('sky flour')).toEqual([]);
  });

  it('says where it hit', () => {
    keep('Weather', `${'word '.repeat(50)}Why is the sky blue? ${'word '.repeat(50)}`);
    keep('Sky pictures', 'Show some.');
    const [title, message] = catalog.conversations.list('sky');
    expect(title).toMatchObject({ excerpt: '\u2068Sky\u2069 pictures', messages: 1 });
    expect(message?.excerpt).toContain('the \u2068sky\u2069 blue?');
    expect(message?.excerpt?.length).toBeLessThan(200);
    expect(catalog.conversations.list()[0]?.excerpt).toBeNull();
  });

  it('takes whatever a person can type', () => {
    const id = keep(
      'C++ and NEAR(x, 2)',
      'don\'t say "OR" AND NOT null\0here; drop table messages --',
      'Zürich 北京 café',
    );
    const typed = [
      '"',
      '""',
      "'",
      '*',
      'a*b',
      'AND',
      'OR OR',
      'NOT',
      'NEAR(',
      'title:x',
      'content : "y',
      '-x',
      '^a',
      '{a b}',
      '(',
      'x\0y',
      '\ud800',
      '!!!',
      '\u2068x\u2069',
      '+',
      'a + b',
      '\\',
      '%',
      '🎉',
      '\u0301',
    ];
    // Latin letters and punctuation, then general punctuation and symbols.
    for (let code = 1; code < 0x2100; code += code < 0x200 || code > 0x2000 ? 1 : 7)
      typed.push(`a${String.fromCodePoint(code)}b "`);
    for (const query of typed) expect(() => found(query)).not.toThrow();
    expect(found('!!!')).toEqual([]);
    for (const query of ["don't", 'C++', '"OR"', 'NEAR(x', 'zurich', 'café', 'CAFE', '北'])
      expect({ query, ids: found(query) }).toEqual({ query, ids: [id] });
  });

  it('follows what is renamed, written, hidden and brought back', () => {
    const id = keep('Weather', 'Why is the sky blue?');
    catalog.conversations.update(id, { title: 'Physics' });
    expect(found('weather')).toEqual([]);
    expect(found('phys')).toEqual([id]);
    const leaf = catalog.conversations.conversation(id).leafId;
    const [answer] = catalog.conversations.addMessages(
      id,
      leaf,
      [
        {
          role: 'assistant',
          content: '',
          state: 'streaming',
          artifactId: 'a',
          weightsSha256: null,
          weightsCheck: null,
          statistics: null,
          error: null,
          createdAt: now(),
        },
      ],
      {},
    );
    const write = (content: string, state: 'streaming' | 'complete'): void => {
      catalog.conversations.writeAnswer(answer?.id ?? 0, { content, state });
    };
    write('Rayleigh', 'streaming');
    write('Rayleigh scattering', 'streaming');
    write('Rayleigh scattering it is', 'complete');
    expect(found('rayleigh')).toEqual([id]);
    catalog.conversations.hide(id, now());
    expect(found('rayleigh')).toEqual([]);
    expect(found('')).toEqual([]);
    catalog.conversations.restore(id);
    expect(found('rayleigh')).toEqual([id]);
    write('something else', 'complete');
    expect(found('rayleigh')).toEqual([]);
    const raw = new Sqlite(file);
    for (const index of ['title_search', 'message_search'])
      raw.exec(`INSERT INTO ${index} (${index}, rank) VALUES ('integrity-check', 1)`);
    raw.close();
  });
});

describe('keeping conversations', () => {
  it('deletes what is hidden, however long, and only that', () => {
    const long = keep('Long', ...Array.from({ length: 3000 }, (_, i) => `message ${i}`));
    const other = keep('Other', 'Hello');
    expect(catalog.conversations.conversation(long).messages).toHaveLength(3000);
    catalog.conversations.hide(long, now());
    expect(() => catalog.conversations.conversation(long)).toThrow(/no conversation/);
    expect(() => {
      catalog.conversations.hide(long, now());
    }).toThrow(/no conversation/);
    expect(catalog.conversations.purge()).toBe(1);
    expect(() => {
      catalog.conversations.restore(long);
    }).toThrow(/no conversation/);
    expect(found('message')).toEqual([]);
    expect(found('')).toEqual([other]);
  });

  it('maps a plain list onto the tree and forgets nothing', () => {
    const messages: Message[] = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi' },
    ];
    const save = (id: number | null, list: readonly Message[]): number =>
      catalog.conversations.saveLinear({
        id,
        ...settings,
        title: 'T',
        messages: list,
        now: now(),
      });
    const id = save(null, messages);
    const more: Message[] = [...messages, { role: 'user', content: 'Bye' }];
    expect(save(id, more)).toBe(id);
    expect(save(id, more)).toBe(id);
    const first = catalog.conversations.conversation(id);
    expect(first.system).toBe('Be brief.');
    expect(first.messages.map(({ content, parentId }) => [content, parentId === null])).toEqual([
      ['Hello', true],
      ['Hi', false],
      ['Bye', false],
    ]);
    save(id, [...messages.slice(0, 2), { role: 'assistant', content: 'Good day' }]);
    const second = catalog.conversations.conversation(id);
    expect(second.messages).toHaveLength(4);
    const shown = branchOf(second.messages, second.leafId).map(({ content }) => content);
    expect(shown).toEqual(['Hello', 'Good day']);
    expect(() => save(999, messages)).toThrow(/no conversation 999/);
  });

  it('shows only branches of the conversation itself', () => {
    const mine = keep('Mine', 'a', 'b', 'c');
    const other = keep('Other', 'x');
    const foreign = catalog.conversations.conversation(other).leafId;
    expect(() => {
      catalog.conversations.update(mine, { title: 'changed', leafId: foreign });
    }).toThrow(/has no message/);
    const { title, messages } = catalog.conversations.conversation(mine);
    expect(title).toBe('Mine');
    const second = messages[1]?.id ?? 0;
    catalog.conversations.update(mine, { leafId: second });
    expect(catalog.conversations.branch(mine).messages.map(({ content }) => content)).toEqual([
      'a',
      'b',
    ]);
    catalog.conversations.update(mine, { leafId: null });
    expect(catalog.conversations.branch(mine).messages).toEqual([]);
    expect(catalog.conversations.conversation(mine).messages).toHaveLength(3);
  });
});
