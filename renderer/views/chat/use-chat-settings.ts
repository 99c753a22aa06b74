import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conversation, ConversationSettings } from '../../../app/contract/conversation.ts';
import { chatSampling, DEFAULT_MAX_TOKENS } from '../../../app/contract/sampling.ts';
import { toast } from '../../design/toasts.tsx';
import { useHeldModels } from '../../state/held-models.ts';
import { useStore } from '../../state/store.ts';
import { changeConversation } from './conversation-cache.ts';
import { newChatSettings } from './new-chat-settings.ts';
import { errorText } from '../../errors/error-words.ts';

/** A pause after which a slider's or a text's value is kept, in ms. */
const PAUSE_MS = 350;

type Changes = Partial<Omit<ConversationSettings, 'artifactId'>>;

export interface ChatSettings extends Omit<ConversationSettings, 'artifactId'> {
  readonly artifactId: string | null;
  /** False in a new chat whose sampling nobody has touched: the engine then asks the model. */
  readonly isChosen: boolean;
  readonly change: (changes: Changes) => void;
}

/** Keeps changes of a conversation's settings, the newest after a pause and all of them when it is left. */
function useKeptChanges(conversationId: number | null): {
  readonly pending: Changes;
  readonly change: (changes: Changes) => void;
} {
  const { t } = useTranslation('chat');
  const [pending, setPending] = useState<Changes>({});
  const latest = useRef<Changes>({});
  const keep = useCallback((): void => {
    const changes = latest.current;
    latest.current = {};
    if (conversationId === null || Object.keys(changes).length === 0) return;
    changeConversation(conversationId, changes)
      .catch((thrown: unknown) => {
        toast({
          text: t('settings.failed', { reason: errorText(thrown) }),
          look: 'danger',
        });
      })
      .finally(() => {
        if (Object.keys(latest.current).length === 0) setPending({});
      });
  }, [conversationId, t]);
  useEffect(() => {
    if (Object.keys(pending).length === 0) return undefined;
    const timer = setTimeout(keep, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [pending, keep]);
  useEffect(
    () => () => {
      keep();
      setPending({});
    },
    [keep],
  );
  const change = useCallback((changes: Changes): void => {
    latest.current = { ...latest.current, ...changes };
    setPending((before) => ({ ...before, ...changes }));
  }, []);
  return { pending, change };
}

/** The settings of a conversation, or of the chat that has not begun. */
export function useChatSettings(
  conversation: Conversation | null,
  newArtifactId: string | null,
): ChatSettings {
  const fresh = useStore(newChatSettings);
  const { pending, change } = useKeptChanges(conversation?.id ?? null);
  const held = useHeldModels().find(({ artifactId }) => artifactId === newArtifactId);
  if (conversation !== null) {
    const { artifactId, system, sampling, maxTokens } = conversation;
    return { artifactId, system, sampling, maxTokens, ...pending, isChosen: true, change };
  }
  return {
    artifactId: newArtifactId,
    system: fresh.system,
    sampling: fresh.sampling ?? chatSampling(held?.loaded?.recommendedSampling ?? {}),
    maxTokens: fresh.maxTokens ?? DEFAULT_MAX_TOKENS,
    isChosen: fresh.sampling !== null,
    change: (changes) => {
      newChatSettings.write({ ...newChatSettings.read(), ...changes });
    },
  };
}
