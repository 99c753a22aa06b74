import type { Database } from 'better-sqlite3';

/** Why an answer is broken off that was being written when this column came. */
const ENDED = JSON.stringify({
  code: 'engine-restarted',
  message: 'Nibble ended while this answer was being written.',
  remedy: 'Ask for the answer again.',
  reason: null,
  facts: {},
});

/**
 * Which engine writes an answer, has hidden a conversation or moves files to the trash: several may have one catalog
 * open, and only what belongs to one that is gone may be tidied away.
 */
export function migrateTo80(db: Database): void {
  db.exec(`
    ALTER TABLE messages ADD COLUMN owner TEXT;
    ALTER TABLE conversations ADD COLUMN deleted_owner TEXT;
    ALTER TABLE removals ADD COLUMN owner TEXT;
    CREATE INDEX messages_by_owner ON messages (owner) WHERE owner IS NOT NULL;
  `);
  db.prepare("UPDATE messages SET state = 'failed', error = ? WHERE state = 'streaming'").run(
    ENDED,
  );
  // What another, older Nibble had hidden: nobody can bring it back any more.
  db.exec('DELETE FROM conversations WHERE deleted_at IS NOT NULL');
}
