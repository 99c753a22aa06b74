import { useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { Conversation } from '../../../app/contract/conversation.ts';
import type { LibraryArtifact } from '../../../app/contract/library.ts';
import { useTranslation } from 'react-i18next';
import { toast } from '../../design/toasts.tsx';
import { paths } from '../../frame/navigation.ts';
import { useLibrary } from '../../state/queries.ts';
import { changeConversation } from './conversations/conversation-cache.ts';
import { lastArtifact, rememberArtifact } from './settings/new-chat-settings.ts';
import { errorText } from '../../errors/error-words.ts';

export interface ModelChoice {
  readonly listed: readonly LibraryArtifact[];
  readonly byId: ReadonlyMap<string, Artifact>;
  /** The artifact that answers next; null where none is chosen. It may have been removed. */
  readonly artifactId: string | null;
  readonly state: 'usable' | 'offline' | 'removed' | 'none' | 'unknown';
  readonly choose: (artifactId: string) => void;
}

/** The artifact of the address, else the one used last, else the first that can be used. */
function forNewChat(listed: readonly LibraryArtifact[], asked: string | null): string | null {
  const usable = listed.filter(({ available }) => available).map(({ artifact }) => artifact.id);
  if (asked !== null && listed.some(({ artifact }) => artifact.id === asked)) return asked;
  const last = lastArtifact();
  return last !== null && usable.includes(last) ? last : (usable[0] ?? null);
}

/** Which artifact answers next, and how that is changed. */
export function useModel(
  conversationId: number | null,
  conversation: Conversation | null,
): ModelChoice {
  const { t } = useTranslation('chat');
  const { data: library } = useLibrary();
  const [, navigate] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('with');
  const listed = useMemo(() => library?.artifacts ?? [], [library]);
  const byId = useMemo(
    () => new Map(listed.map(({ artifact }) => [artifact.id, artifact])),
    [listed],
  );
  const artifactId =
    conversationId === null ? forNewChat(listed, asked) : (conversation?.artifactId ?? null);
  const found = listed.find(({ artifact }) => artifact.id === artifactId);
  const state =
    library === undefined || (conversationId !== null && conversation === null)
      ? 'unknown'
      : artifactId === null
        ? 'none'
        : found === undefined
          ? 'removed'
          : found.available
            ? 'usable'
            : 'offline';
  return {
    listed,
    byId,
    artifactId,
    state,
    choose: (id) => {
      rememberArtifact(id);
      if (conversationId === null) {
        navigate(paths.chatWith(id), { replace: true });
        return;
      }
      changeConversation(conversationId, { artifactId: id }).catch((thrown: unknown) => {
        toast({
          text: t('settings.failed', { reason: errorText(thrown) }),
          look: 'danger',
        });
      });
    },
  };
}
