import { useCallback, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conversation, ConversationSettings } from '../../../../app/contract/conversation.ts';
import { chatSampling, DEFAULT_MAX_TOKENS } from '../../../../app/contract/sampling.ts';
import { toast } from '../../../design/toasts.tsx';
import { useHeldModels } from '../../../state/loaded-models.ts';
import { useStore } from '../../../state/store.ts';
import { keepSettings, NO_CHANGE, waitingChange, type SettingsChange } from './stored-settings.ts';
import { newChatSettings } from './new-chat-settings.ts';
import { NO_CONVERSATION } from '../conversations/use-conversation.ts';
import { errorText } from '../../../errors/error-words.ts';

/** A pause after which a slider's or a text's value is kept, in ms. */
const PAUSE_MS = 350;

export interface ChatSettings extends Omit<ConversationSettings, 'artifactId'> {
  readonly artifactId: string | null;
  /** False in a new chat whose sampling nobody has touched: the engine then asks the model. */
  readonly isChosen: boolean;
  readonly change: (changes: SettingsChange) => void;
}

/** Keeps changes of a conversation's settings after a pause, and all of them when it is left. */
function useKeptChanges(conversationId: number): {
  readonly pending: SettingsChange;
  readonly change: (changes: SettingsChange) => void;
} {
  const { t } = useTranslation('chat');
  const store = waitingChange(conversationId);
  const pending = useStore(store);
  const keep = useCallback((): void => {
    keepSettings(conversationId).catch((thrown: unknown) => {
      toast({ text: t('settings.failed', { reason: errorText(thrown) }), look: 'danger' });
    });
  }, [conversationId, t]);
  useEffect(() => {
    if (pending === NO_CHANGE) return undefined;
    const timer = setTimeout(keep, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [pending, keep]);
  useEffect(() => keep, [keep]);
  const change = useCallback(
    (changes: SettingsChange): void => {
      store.write({ ...store.read(), ...changes });
    },
    [store],
  );
  return { pending, change };
}

/** The settings of a conversation, or of the chat that has not begun. */
export function useChatSettings(
  conversation: Conversation | null,
  newArtifactId: string | null,
): ChatSettings {
  const fresh = useStore(newChatSettings);
  const { pending, change } = useKeptChanges(conversation?.id ?? NO_CONVERSATION);
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
