import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import type { Conversation } from '../../../../app/contract/conversation.ts';
import { AppError } from '../../../../app/contract/error.ts';
import { engine } from '../../../bridge.ts';
import { queryKeys } from '../../../state/queries.ts';
import { useStore } from '../../../state/store.ts';
import { liveChat } from '../messages/live-answers.ts';

/** How often an answer that someone else has written (another window) is looked at, in ms. */
const WATCH_MS = 1000;

/** A chat that has not begun is asked for under an id that no conversation has, and never read. */
export const NO_CONVERSATION = -1;

/** A conversation of the catalog; nothing is read for null. */
export function useConversation(id: number | null): UseQueryResult<Conversation> {
  const known = id ?? NO_CONVERSATION;
  const isOurs = useStore(liveChat(known).answer) !== null;
  return useQuery({
    queryKey: queryKeys.conversation(known),
    enabled: id !== null,
    queryFn: () => {
      if (!Number.isSafeInteger(known))
        throw new AppError('not-found', 'There is no such conversation.', {
          remedy: 'Choose one from the list, or begin a new one.',
        });
      return engine.conversation({ conversationId: known });
    },
    refetchInterval: ({ state }) =>
      !isOurs && state.data?.messages.some((message) => message.state === 'streaming') === true
        ? WATCH_MS
        : false,
  });
}
