import type { Database } from 'better-sqlite3';
import { FolderTables } from './folders.ts';
import { JobTables } from './jobs.ts';
import { ComparisonTables } from './comparisons.ts';
import { ConversationTables } from './conversations.ts';
import { ModelTables } from './models.ts';
import { openDatabase, toCatalogError } from './open-database.ts';
import { RecordTables } from './records.ts';
import { SettingTables } from './settings.ts';

/** An open catalog. All calls are synchronous and short. */
export interface Catalog {
  readonly file: string;
  readonly models: ModelTables;
  readonly records: RecordTables;
  readonly conversations: ConversationTables;
  readonly comparisons: ComparisonTables;
  readonly jobs: JobTables;
  readonly folders: FolderTables;
  readonly settings: SettingTables;
  close(): void;
}

/** Wraps every method so that SQLite's errors reach the caller as AppError, in the one place where that happens. */
function mapErrors<T extends object>(tables: T, file: string): T {
  return new Proxy(tables, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        try {
          return Reflect.apply(value, target, args);
        } catch (error) {
          throw toCatalogError(error, file);
        }
      };
    },
  });
}

/**
 * Opens the catalog, creating or migrating it where needed.
 *
 * @throws AppError 'catalog-corrupt' (damaged, or from a newer Nibble), 'permission-denied', 'disk-full', 'busy'
 */
export function openCatalog(file: string): Catalog {
  const db: Database = openDatabase(file);
  return {
    file,
    models: mapErrors(new ModelTables(db), file),
    records: mapErrors(new RecordTables(db), file),
    conversations: mapErrors(new ConversationTables(db), file),
    comparisons: mapErrors(new ComparisonTables(db), file),
    jobs: mapErrors(new JobTables(db), file),
    folders: mapErrors(new FolderTables(db), file),
    settings: mapErrors(new SettingTables(db), file),
    close: () => {
      db.close();
    },
  };
}
