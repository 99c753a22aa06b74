import { Pencil } from 'lucide-react';
import { memo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConversationMessage } from '../../../../app/contract/conversation.ts';
import { Button, IconButton } from '../../../design/button.tsx';
import { CopyButton } from '../../../design/copy-button.tsx';
import { TextArea } from '../../../design/fields.tsx';
import { Note } from '../../../design/notes.tsx';
import { BranchSwitcher } from './branch-switcher.tsx';
import { focusComposer } from '../focus-composer.ts';
import { answerAgain, say } from './live-answers.ts';
import { useDrawnFully } from './use-drawn-fully.ts';

/** Rows of the field in which a question is edited. */
const MOST_ROWS = 16;

function QuestionEditor({
  content,
  onSend,
  onCancel,
}: {
  readonly content: string;
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
}): ReactNode {
  const { t } = useTranslation(['chat', 'common']);
  const [text, setText] = useState(content);
  const send = (): void => {
    if (text.trim() !== '') onSend(text.trim());
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    // Enter also ends a word of an input method.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) send();
    else if (event.key === 'Escape') onCancel();
    else return;
    event.preventDefault();
  };
  return (
    <div className="chat-edit stack tight">
      <TextArea
        label={t('chat:editedQuestion')}
        hideLabel
        autoFocus
        value={text}
        onChange={setText}
        onKeyDown={onKeyDown}
        rows={Math.min(MOST_ROWS, text.split('\n').length + 1)}
        hint={t('chat:editHint')}
      />
      <div className="row">
        <Button look="primary" size="small" isDisabled={text.trim() === ''} onPress={send}>
          {t('chat:sendEdited')}
        </Button>
        <Button size="small" onPress={onCancel}>
          {t('common:cancel')}
        </Button>
      </div>
    </div>
  );
}

export interface QuestionProps {
  readonly conversationId: number;
  readonly message: ConversationMessage;
  readonly siblings: readonly number[];
  readonly isBusy: boolean;
  readonly canAnswer: boolean;
  /** Nothing follows it, and nobody is answering. */
  readonly isUnanswered: boolean;
  readonly isScrolling: boolean;
  readonly isEditing: boolean;
  /** Begins to edit this question (its id), or ends it (null). */
  readonly onEdit: (id: number | null) => void;
}

/** What the person said. */
export const Question = memo(function Question({
  conversationId,
  message,
  siblings,
  isBusy,
  canAnswer,
  isUnanswered,
  isScrolling,
  isEditing,
  onEdit,
}: QuestionProps): ReactNode {
  const { t } = useTranslation('chat');
  const edit = useRef<HTMLButtonElement>(null);
  const isFull = useDrawnFully(isScrolling);
  if (isEditing)
    return (
      <article className="chat-question" aria-label={t('question')}>
        <QuestionEditor
          content={message.content}
          onSend={(text) => {
            onEdit(null);
            void say(conversationId, message.parentId, text);
            focusComposer();
          }}
          onCancel={() => {
            onEdit(null);
            requestAnimationFrame(() => edit.current?.focus());
          }}
        />
      </article>
    );
  return (
    <article className="chat-question" aria-label={t('question')}>
      <div className="chat-bubble">{message.content}</div>
      {isFull ? (
        <span className="chat-actions">
          <BranchSwitcher
            conversationId={conversationId}
            messageId={message.id}
            siblings={siblings}
          />
          <CopyButton label={t('copyQuestion')} text={() => message.content} />
          <IconButton
            size="small"
            ref={edit}
            label={t('editQuestion')}
            isDisabled={isBusy || !canAnswer}
            onPress={() => {
              onEdit(message.id);
            }}
          >
            <Pencil aria-hidden />
          </IconButton>
        </span>
      ) : (
        <span className="chat-actions waiting" />
      )}
      {isUnanswered ? (
        <Note
          actions={
            <Button
              size="small"
              isDisabled={isBusy || !canAnswer}
              onPress={() => {
                void answerAgain(conversationId, message.id);
                focusComposer();
              }}
            >
              {t('answerNow')}
            </Button>
          }
        >
          {t('noAnswer')}
        </Note>
      ) : null}
    </article>
  );
});
