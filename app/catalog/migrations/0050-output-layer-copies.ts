import type { Database } from 'better-sqlite3';

/** What is known of an artifact's 8-bit copy of the output layer; null where there is none. */
export function migrateTo50(db: Database): void {
  db.exec(`
    ALTER TABLE artifacts ADD COLUMN output_layer_copy TEXT
      CHECK (output_layer_copy IS NULL OR json_valid(output_layer_copy));
  `);
}
