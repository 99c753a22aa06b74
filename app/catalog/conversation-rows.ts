import {
  conversationMessageSchema,
  conversationSchema,
  conversationSummarySchema,
  type Conversation,
  type ConversationMessage,
  type ConversationSummary,
} from '../contract/conversation.ts';
import { weightsCheckSchema } from '../contract/weights-check.ts';
import { check, type Row } from './rows.ts';

function jsonOrNull(value: unknown): unknown {
  try {
    return typeof value === 'string' ? JSON.parse(value) : null;
  } catch {
    // What it is read for refuses it.
    return undefined;
  }
}

/**
 * A message. What this version cannot read about it (a newer one wrote it) is left out: the text is what matters, and one
 * message never takes its conversation with it.
 */
export function toMessage(row: Row): ConversationMessage {
  const { statistics, error, state } = conversationMessageSchema.shape;
  return check(
    conversationMessageSchema,
    {
      id: row['id'],
      parentId: row['parent_id'],
      role: row['role'],
      content: row['content'],
      state: state.safeParse(row['state']).data ?? 'stopped',
      artifactId: row['artifact_id'],
      weightsSha256: row['weights_sha256'],
      weightsCheck: weightsCheckSchema.safeParse(row['weights_check']).data ?? null,
      statistics: statistics.safeParse(jsonOrNull(row['statistics'])).data ?? null,
      error: error.safeParse(jsonOrNull(row['error'])).data ?? null,
      createdAt: row['created_at'],
    },
    'messages',
  );
}

export function toConversation(row: Row, messages: readonly ConversationMessage[]): Conversation {
  const leafId = row['leaf_id'];
  return check(
    conversationSchema,
    {
      id: row['id'],
      title: row['title'],
      artifactId: row['artifact_id'],
      system: row['system'],
      sampling: jsonOrNull(row['sampling']),
      maxTokens: row['max_tokens'],
      messages,
      leafId: messages.some(({ id }) => id === leafId) ? leafId : null,
      createdAt: row['created_at'],
      updatedAt: row['updated_at'],
    },
    'conversations',
  );
}

export function toSummary(row: Row): ConversationSummary {
  return check(
    conversationSummarySchema,
    {
      id: row['id'],
      title: row['title'],
      artifactId: row['artifact_id'],
      messages: row['messages'],
      excerpt: row['excerpt'],
      updatedAt: row['updated_at'],
    },
    'conversations',
  );
}
