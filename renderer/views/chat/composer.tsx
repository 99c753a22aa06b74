import { ArrowUp, Square } from 'lucide-react';
import type { KeyboardEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { TextArea } from '../../design/fields.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { useStore } from '../../state/store.ts';
import { ContextMeter } from './context-meter.tsx';
import { draftOf } from './drafts.ts';
import { COMPOSER_ID, focusComposer } from './focus-composer.ts';
import { liveChat } from './messages/live-answers.ts';
import { NO_CONVERSATION } from './conversations/use-conversation.ts';

/** The field grows to this many lines, then it scrolls. */
const MOST_LINES = 8;

export interface ComposerProps {
  /** Null: a chat that has not begun. */
  readonly conversationId: number | null;
  readonly artifactId: string | null;
  readonly leafId: number | null;
  /** False while the message at the end is being written, here or in another window. */
  readonly isLeafWhole: boolean;
  readonly system: string;
  /** False where there is no model that could answer. */
  readonly canAnswer: boolean;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

/** Where the person writes. */
export function Composer({
  conversationId,
  artifactId,
  leafId,
  isLeafWhole,
  system,
  canAnswer,
  onSend,
  onStop,
}: ComposerProps): ReactNode {
  const { t } = useTranslation('chat');
  const draft = draftOf(conversationId ?? 'new');
  const text = useStore(draft);
  const chat = liveChat(conversationId ?? NO_CONVERSATION);
  const live = useStore(chat.answer);
  const failure = useStore(chat.failure);
  const canSend = canAnswer && live === null && text.trim() !== '';
  const send = (): void => {
    if (!canSend) return;
    draft.write('');
    onSend(text.trim());
    focusComposer();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    // Enter also ends a word of an input method.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="chat-composer" id={COMPOSER_ID}>
      {failure === null ? null : <FailureNote failure={failure} />}
      <div className="chat-composer-box">
        <TextArea
          label={t('composer.label')}
          hideLabel
          value={text}
          onChange={draft.write}
          onKeyDown={onKeyDown}
          placeholder={t('composer.placeholder')}
          rows={Math.min(MOST_LINES, text.split('\n').length)}
          autoFocus
          className="chat-composer-field"
        />
        {live === null ? (
          <Button look="primary" isDisabled={!canSend} onPress={send}>
            <ArrowUp aria-hidden />
            {t('composer.send')}
          </Button>
        ) : (
          <Button
            isDisabled={live.phase === 'stopping'}
            onPress={() => {
              onStop();
              focusComposer();
            }}
          >
            <Square aria-hidden />
            {t('composer.stop')}
          </Button>
        )}
      </div>
      <div className="chat-composer-foot">
        <span className="quiet">{t('composer.hint')}</span>
        <ContextMeter
          conversationId={conversationId}
          artifactId={artifactId}
          leafId={leafId}
          isLeafWhole={isLeafWhole}
          system={system}
          draft={text}
        />
      </div>
    </div>
  );
}
