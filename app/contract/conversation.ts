import { z } from 'zod';
import { wireErrorSchema } from './error.ts';
import { generationStatisticsSchema, samplingSchema } from './sampling.ts';
import { weightsCheckSchema } from './weights-check.ts';

/**
 * One message of a conversation. Messages form a tree: an edited question or a regenerated answer is a sibling of the
 * one before it, and nothing that was said is lost.
 */
export const conversationMessageSchema = z.object({
  id: z.int(),
  /** Null for the first message of a branch. */
  parentId: z.int().nullable(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  /** `stopped` by the person, `failed` with `error`: the text until then is kept. */
  state: z.enum(['complete', 'streaming', 'stopped', 'failed']),
  /** Who spoke: null for a person's message. */
  artifactId: z.string().nullable(),
  weightsSha256: z.string().nullable(),
  /** How the check of those weights stood or ended; null for a person's message and from before there was one. */
  weightsCheck: weightsCheckSchema.nullable(),
  statistics: generationStatisticsSchema.nullable(),
  error: wireErrorSchema.omit({ stack: true }).nullable(),
  createdAt: z.string(),
});
export type ConversationMessage = z.infer<typeof conversationMessageSchema>;

export const conversationSettingsSchema = z.object({
  /** The artifact that answers next. */
  artifactId: z.string(),
  system: z.string().max(100_000),
  sampling: samplingSchema,
  maxTokens: z.int().positive().max(1_000_000),
});
export type ConversationSettings = z.infer<typeof conversationSettingsSchema>;

export const conversationSchema = conversationSettingsSchema.extend({
  id: z.int(),
  title: z.string(),
  /** All messages of all branches, oldest first. */
  messages: z.array(conversationMessageSchema),
  /** The last message of the branch that is shown; null in an empty conversation. */
  leafId: z.int().nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Conversation = z.infer<typeof conversationSchema>;

export const conversationSummarySchema = z.object({
  id: z.int(),
  title: z.string(),
  artifactId: z.string(),
  messages: z.int().nonnegative(),
  /** Where a search hit: the text around it, the hit between U+2068 and U+2069. Null without a search. */
  excerpt: z.string().nullable(),
  updatedAt: z.string(),
});
export type ConversationSummary = z.infer<typeof conversationSummarySchema>;

/** A named set of sampling settings. */
export const presetSchema = z.object({
  id: z.string().min(1).max(100),
  name: z.string().min(1).max(100),
  system: z.string().max(100_000),
  sampling: samplingSchema.omit({ seed: true }),
});
export type Preset = z.infer<typeof presetSchema>;

/** The messages from the root to `leafId`, in order; the branch that is shown. */
export function branchOf(
  messages: readonly ConversationMessage[],
  leafId: number | null,
): ConversationMessage[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const branch: ConversationMessage[] = [];
  let current = leafId === null ? undefined : byId.get(leafId);
  // Parents are older than their children, so this ends; the bound holds off a damaged catalog.
  while (current !== undefined && branch.length <= messages.length) {
    branch.push(current);
    current = current.parentId === null ? undefined : byId.get(current.parentId);
  }
  return branch.reverse();
}
