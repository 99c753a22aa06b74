import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { ConversationSummary } from '../../../../app/contract/conversation.ts';
import { engine } from '../../../bridge.ts';
import { toast } from '../../../design/toasts.tsx';
import { paths } from '../../../frame/navigation.ts';
import { queryClient, queryKeys } from '../../../state/queries.ts';
import { conversationsChanged } from './conversation-cache.ts';
import { focusComposer } from '../focus-composer.ts';
import { stopAnswer } from '../messages/live-answers.ts';
import { errorText } from '../../../errors/error-words.ts';

/** Focuses the row of a conversation in the list, once the list was drawn anew. */
function focusRow(id: number | undefined): void {
  requestAnimationFrame(() => {
    const row = document.querySelector<HTMLElement>(`.chat-list-row[data-key="${id ?? ''}"]`);
    if (row === null) focusComposer();
    else row.focus();
  });
}

/** Hides a conversation; a toast brings it back. The one beside it gets the focus. */
export function useRemoveConversation(
  listed: readonly ConversationSummary[],
  openId: number | null,
): (summary: ConversationSummary) => void {
  const { t } = useTranslation(['chat', 'common']);
  const [, navigate] = useLocation();
  const failed = (thrown: unknown): void => {
    toast({
      text: t('chat:settings.failed', { reason: errorText(thrown) }),
      look: 'danger',
    });
    conversationsChanged();
  };
  return (summary) => {
    const conversationId = summary.id;
    const index = listed.findIndex(({ id }) => id === conversationId);
    const neighbour = listed[index + 1] ?? listed[index - 1];
    const undo = async (): Promise<void> => {
      await engine.restoreConversation({ conversationId });
      await queryClient.invalidateQueries({ queryKey: queryKeys.conversation(conversationId) });
      await queryClient.invalidateQueries({ queryKey: queryKeys.conversations });
      navigate(paths.chat(conversationId));
    };
    const remove = async (): Promise<void> => {
      stopAnswer(conversationId);
      await engine.removeConversation({ conversationId });
      if (openId === conversationId) navigate(paths.chat());
      await queryClient.invalidateQueries({ queryKey: queryKeys.conversations });
      focusRow(neighbour?.id);
      toast({
        text: t('chat:list.deleted', {
          title: summary.title === '' ? t('chat:untitled') : summary.title,
        }),
        action: {
          label: t('common:undo'),
          onAction: () => void undo().catch(failed),
        },
      });
    };
    remove().catch(failed);
  };
}
