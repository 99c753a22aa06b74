import type { Database } from 'better-sqlite3';

/**
 * Messages become trees with who said what and how it ended; conversations get their settings, the branch that is
 * shown and a way to be hidden; titles and messages can be searched.
 */
export function migrateTo30(db: Database): void {
  db.exec(`
    ALTER TABLE conversations ADD COLUMN system TEXT NOT NULL DEFAULT '';
    -- What the command line's chat used until now.
    ALTER TABLE conversations ADD COLUMN max_tokens INTEGER NOT NULL DEFAULT 1024 CHECK (max_tokens > 0);
    -- No foreign key: it and the messages' own would go round in a circle. Readers take a stale leaf for none.
    ALTER TABLE conversations ADD COLUMN leaf_id INTEGER;
    ALTER TABLE conversations ADD COLUMN deleted_at TEXT;
    DROP INDEX conversations_by_update;
    CREATE INDEX conversations_shown ON conversations (updated_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX conversations_hidden ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

    ALTER TABLE messages RENAME TO linear_messages;
    CREATE TABLE messages (
      -- AUTOINCREMENT: a window may still hold the id of a message that was deleted.
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      -- No cascade: it would recurse once per message, and SQLite ends that at a depth of 1000.
      parent_id INTEGER REFERENCES messages (id) CHECK (parent_id < id),
      role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
      content TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('complete', 'streaming', 'stopped', 'failed')),
      artifact_id TEXT,
      weights_sha256 TEXT CHECK (length(weights_sha256) = 64),
      statistics TEXT CHECK (json_valid(statistics)),
      error TEXT CHECK (json_valid(error)),
      created_at TEXT NOT NULL
    ) STRICT;
    INSERT INTO messages (id, conversation_id, parent_id, role, content, state, artifact_id, created_at)
      SELECT id, conversation_id, lag(id) OVER (PARTITION BY conversation_id ORDER BY position),
        role, content, 'complete', CASE role WHEN 'assistant' THEN artifact_id END, updated_at
      FROM (
        SELECT row_number() OVER (ORDER BY conversation_id, position) AS id, linear_messages.*,
          conversations.artifact_id, conversations.updated_at
        FROM linear_messages JOIN conversations ON conversations.id = conversation_id
        WHERE role <> 'system'
      );
    UPDATE conversations SET
      leaf_id = (SELECT max(id) FROM messages WHERE conversation_id = conversations.id),
      system = coalesce((
        SELECT group_concat(content, char(10, 10) ORDER BY position)
        FROM linear_messages WHERE conversation_id = conversations.id AND role = 'system'
      ), '');
    DROP TABLE linear_messages;
    CREATE INDEX messages_by_conversation ON messages (conversation_id, id);
    CREATE INDEX messages_by_parent ON messages (parent_id);
    CREATE INDEX messages_streaming ON messages (state) WHERE state = 'streaming';

    -- Two indexes, because an external-content index stands on one table. Prefixes of two and three letters are what
    -- is typed first and found most.
    CREATE VIRTUAL TABLE title_search USING fts5 (
      title, content = 'conversations', content_rowid = 'id', prefix = '2 3'
    );
    INSERT INTO title_search (title_search) VALUES ('rebuild');
    CREATE TRIGGER title_added AFTER INSERT ON conversations BEGIN
      INSERT INTO title_search (rowid, title) VALUES (new.id, new.title);
    END;
    CREATE TRIGGER title_removed AFTER DELETE ON conversations BEGIN
      INSERT INTO title_search (title_search, rowid, title) VALUES ('delete', old.id, old.title);
    END;
    CREATE TRIGGER title_changed AFTER UPDATE OF title ON conversations BEGIN
      INSERT INTO title_search (title_search, rowid, title) VALUES ('delete', old.id, old.title);
      INSERT INTO title_search (rowid, title) VALUES (new.id, new.title);
    END;

    -- An answer is found once it has ended: indexing it anew with every second of it would cost more than it helps.
    CREATE VIRTUAL TABLE message_search USING fts5 (
      content, content = 'messages', content_rowid = 'id', prefix = '2 3'
    );
    INSERT INTO message_search (message_search) VALUES ('rebuild');
    CREATE TRIGGER message_added AFTER INSERT ON messages WHEN new.state <> 'streaming' BEGIN
      INSERT INTO message_search (rowid, content) VALUES (new.id, new.content);
    END;
    CREATE TRIGGER message_removed AFTER DELETE ON messages WHEN old.state <> 'streaming' BEGIN
      INSERT INTO message_search (message_search, rowid, content) VALUES ('delete', old.id, old.content);
    END;
    CREATE TRIGGER message_changed AFTER UPDATE OF content, state ON messages BEGIN
      INSERT INTO message_search (message_search, rowid, content)
        SELECT 'delete', old.id, old.content WHERE old.state <> 'streaming';
      INSERT INTO message_search (rowid, content)
        SELECT new.id, new.content WHERE new.state <> 'streaming';
    END;
  `);
}
