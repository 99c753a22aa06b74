import type { ConversationSummary } from '../../../../app/contract/conversation.ts';

export type GroupName = 'today' | 'yesterday' | 'earlier';

export interface ConversationGroup {
  readonly name: GroupName;
  readonly conversations: readonly ConversationSummary[];
}

function dayStart(now: Date, daysBefore: number): number {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysBefore).getTime();
}

/** Groups by the calendar days of the person's time zone; order is kept, empty groups are left out. */
export function groupByDay(
  conversations: readonly ConversationSummary[],
  now: Date,
): ConversationGroup[] {
  const today = dayStart(now, 0);
  const yesterday = dayStart(now, 1);
  const groups: Record<GroupName, ConversationSummary[]> = {
    today: [],
    yesterday: [],
    earlier: [],
  };
  for (const conversation of conversations) {
    const at = Date.parse(conversation.updatedAt);
    groups[at >= today ? 'today' : at >= yesterday ? 'yesterday' : 'earlier'].push(conversation);
  }
  return (['today', 'yesterday', 'earlier'] as const)
    .map((name) => ({ name, conversations: groups[name] }))
    .filter((group) => group.conversations.length > 0);
}
