import type { Database } from 'better-sqlite3';
import { settingsSchema, type Settings } from '../contract/settings.ts';
import type { Row } from './rows.ts';

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

/** What a person has set, one row per setting; what was never set has no row. */
export class SettingTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * What has been set. A value that this version does not accept (it was written by another one) is left out, so that
   * it counts as never set instead of keeping the program from opening.
   */
  read(): Partial<Settings> {
    const rows = this.#db.prepare<[], Row>('SELECT name, value FROM settings').all();
    const shape = settingsSchema.partial().shape;
    const known = rows.flatMap(({ name, value }) => {
      const schema = Object.entries(shape).find(([key]) => key === name)?.[1];
      const result = schema?.safeParse(parsed(value));
      return result?.success === true ? [[name, result.data] as const] : [];
    });
    return Object.fromEntries(known) as Partial<Settings>;
  }

  /** Sets the given ones and leaves the others as they are, in one transaction. */
  write(changes: Partial<Settings>): void {
    const put = this.#db.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)');
    this.#db.transaction(() => {
      for (const [name, value] of Object.entries(changes)) put.run(name, JSON.stringify(value));
    })();
  }
}
