import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import { settingsSchema, type Settings } from '../contract/settings.ts';
import type { Row } from './rows.ts';

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

function isSetting(name: string): name is keyof Settings {
  return Object.hasOwn(settingsSchema.shape, name);
}

/** The entries of a list that this version accepts, and those that it does not know: a newer one wrote them. */
function sorted(
  name: keyof Settings,
  value: unknown,
): { readonly known: readonly unknown[]; readonly unknown: readonly unknown[] } | null {
  const schema = settingsSchema.shape[name];
  if (!(schema instanceof z.ZodArray) || !Array.isArray(value)) return null;
  const { element } = schema;
  const entries: readonly unknown[] = value;
  const isKnown = (entry: unknown): boolean => z.safeParse(element, entry).success;
  return {
    known: entries.filter(isKnown),
    unknown: entries.filter((entry) => !isKnown(entry)),
  };
}

/** What a person has set, one row per setting; what was never set has no row. */
export class SettingTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * What has been set. A value that this version does not accept (it was written by another one) is left out, so that
   * it counts as never set instead of keeping the program from opening; of a list only the entries that are not known.
   */
  read(): Partial<Settings> {
    const rows = this.#db.prepare<[], Row>('SELECT name, value FROM settings').all();
    const known = rows.flatMap(({ name, value }) => {
      if (typeof name !== 'string' || !isSetting(name)) return [];
      const kept = parsed(value);
      const result = settingsSchema.shape[name].safeParse(sorted(name, kept)?.known ?? kept);
      return result.success ? [[name, result.data] as const] : [];
    });
    return Object.fromEntries(known);
  }

  /**
   * Sets the given ones and leaves the others as they are, in one transaction. Entries of a list that this version does
   * not know stay in it.
   */
  write(changes: Partial<Settings>): void {
    const get = this.#db.prepare<[string], Row>('SELECT value FROM settings WHERE name = ?');
    const put = this.#db.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
    this.#db.transaction(() => {
      for (const [name, value] of Object.entries(changes)) {
        const before = isSetting(name) ? sorted(name, parsed(get.get(name)?.['value'])) : null;
        const list =
          before === null || !Array.isArray(value) ? value : [...value, ...before.unknown];
        put.run(name, JSON.stringify(list));
      }
    })();
  }
}
