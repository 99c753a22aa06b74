import { useCallback } from 'react';
import { useLocation } from 'wouter';
import type { Conversation } from '../../../app/contract/conversation.ts';
import { toAppError } from '../../../app/contract/error.ts';
import { engine } from '../../bridge.ts';
import { paths } from '../../frame/navigation.ts';
import { queryClient, queryKeys } from '../../state/queries.ts';
import { conversationsChanged } from './conversations/conversation-cache.ts';
import { draftOf } from './drafts.ts';
import { liveChat, say } from './messages/live-answers.ts';
import { freshSettings, newChatSettings, rememberArtifact } from './settings/new-chat-settings.ts';
import { NO_CONVERSATION } from './conversations/use-conversation.ts';

/** Begins a conversation with what was chosen for it. @throws AppError as the engine's `createConversation` does */
async function begin(artifactId: string): Promise<Conversation> {
  const { system, sampling, maxTokens } = newChatSettings.read();
  const conversation = await engine.createConversation({
    artifactId,
    ...(system === '' ? {} : { system }),
    ...(sampling === null ? {} : { sampling }),
    ...(maxTokens === null ? {} : { maxTokens }),
  });
  queryClient.setQueryData(queryKeys.conversation(conversation.id), conversation);
  rememberArtifact(artifactId);
  newChatSettings.write(freshSettings);
  conversationsChanged();
  return conversation;
}

/** Where the next message belongs: below what is shown, or beside a question that nobody answered. */
function parentOfNext({ messages, leafId }: Conversation): number | null {
  const leaf = messages.find(({ id }) => id === leafId);
  return leaf?.role === 'user' ? leaf.parentId : leafId;
}

/** Sends what was written; the first message of a chat begins the conversation. */
export function useSending(
  conversation: Conversation | null,
  artifactId: string | null,
): (text: string) => void {
  const [, navigate] = useLocation();
  return useCallback(
    (text) => {
      if (conversation !== null) {
        void say(conversation.id, parentOfNext(conversation), text);
        return;
      }
      if (artifactId === null) return;
      const { failure } = liveChat(NO_CONVERSATION);
      failure.write(null);
      begin(artifactId).then(
        ({ id }) => {
          void say(id, null, text);
          navigate(paths.chat(id), { replace: true });
        },
        (thrown: unknown) => {
          failure.write(toAppError(thrown));
          draftOf('new').write(text);
        },
      );
    },
    [conversation, artifactId, navigate],
  );
}
