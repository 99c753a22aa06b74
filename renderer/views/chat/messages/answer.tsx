import { RotateCcw } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Artifact } from '../../../../app/contract/checkpoint.ts';
import type { ConversationMessage } from '../../../../app/contract/conversation.ts';
import { Button, IconButton } from '../../../design/button.tsx';
import { CopyButton } from '../../../design/copy-button.tsx';
import { ErrorNote } from '../../../errors/error-note.tsx';
import { useBitsClass, SchemeBadge, useSchemeTexts } from '../../../design/scheme.tsx';
import { AnswerBoundary } from './answer-boundary.tsx';
import { AnswerFacts, LiveFacts } from './answer-figures.tsx';
import { BranchSwitcher } from './branch-switcher.tsx';
import { focusComposer } from '../focus-composer.ts';
import { answerAgain } from './live-answers.ts';
import { LiveText } from './live-text.tsx';
import { MarkdownText } from '../markdown/markdown-text.tsx';
import { useDrawnFully } from './use-drawn-fully.ts';

export interface AnswerProps {
  readonly conversationId: number;
  readonly message: ConversationMessage;
  readonly siblings: readonly number[];
  readonly artifact: Artifact | null;
  /** It is being written by a call of this window. */
  readonly isLive: boolean;
  /** Another answer of this chat is being written: nothing can be asked meanwhile. */
  readonly isBusy: boolean;
  /** The model that would answer can be used. */
  readonly canAnswer: boolean;
  readonly isNewest: boolean;
  readonly isScrolling: boolean;
}

function AnswerText({
  conversationId,
  message,
  artifact,
  isLive,
}: Pick<AnswerProps, 'conversationId' | 'message' | 'artifact' | 'isLive'>): ReactNode {
  const { t } = useTranslation('chat');
  if (isLive)
    return <LiveText conversationId={conversationId} kept={message.content} artifact={artifact} />;
  if (message.content !== '')
    return (
      <AnswerBoundary text={message.content}>
        <MarkdownText text={message.content} />
      </AnswerBoundary>
    );
  if (message.state === 'failed') return null;
  return (
    <p className="quiet">
      {message.state === 'streaming'
        ? null
        : t(message.state === 'stopped' ? 'stoppedAtOnce' : 'emptyAnswer')}
    </p>
  );
}

/** The scheme's badge; without its explanation while the message only passes by. */
function Badge({
  artifact,
  isFull,
}: {
  readonly artifact: Artifact;
  readonly isFull: boolean;
}): ReactNode {
  const bitsClass = useBitsClass();
  const { label } = useSchemeTexts()(artifact.scheme);
  const { scheme, blockSize } = artifact;
  if (isFull) return <SchemeBadge scheme={scheme} blockSize={blockSize} />;
  return (
    <span className={`badge scheme-badge ${bitsClass(scheme)}`}>
      {blockSize === null || blockSize === 0 ? label : `${label} · ${blockSize}`}
    </span>
  );
}

/** What a model said: who, the text, what it cost, and what can be done with it. */
export const Answer = memo(function Answer(props: AnswerProps): ReactNode {
  const { conversationId, message, siblings, artifact, isLive, isBusy, canAnswer, isNewest } =
    props;
  const { t } = useTranslation('chat');
  const isFull = useDrawnFully(props.isScrolling);
  const again = (): void => {
    if (message.parentId === null) return;
    void answerAgain(conversationId, message.parentId);
    focusComposer();
  };
  const cannotAsk = isBusy || !canAnswer || message.parentId === null;
  return (
    <article className="chat-answer" aria-label={t('answer')} aria-busy={isLive}>
      <header className="row">
        <span className="chat-model-name ellipsis">{artifact?.name ?? t('model.removed')}</span>
        {artifact === null ? null : <Badge artifact={artifact} isFull={isFull} />}
      </header>
      <AnswerText {...props} />
      {message.state === 'streaming' && !isLive ? (
        <p className="quiet chat-aside">{t('writtenElsewhere')}</p>
      ) : null}
      {message.state === 'failed' && message.error !== null && !isLive ? (
        <ErrorNote
          error={message.error}
          source={artifact?.checkpointId ?? null}
          actions={
            <Button size="small" isDisabled={cannotAsk} onPress={again}>
              {t('regenerate')}
            </Button>
          }
        />
      ) : null}
      <footer className="chat-foot">
        {isLive ? (
          <LiveFacts conversationId={conversationId} />
        ) : (
          <>
            {isFull ? (
              <span className="chat-actions">
                <BranchSwitcher
                  conversationId={conversationId}
                  messageId={message.id}
                  siblings={siblings}
                />
                <CopyButton label={t('copyAnswer')} text={() => message.content} />
                <IconButton
                  size="small"
                  label={t('regenerate')}
                  isDisabled={cannotAsk}
                  onPress={again}
                >
                  <RotateCcw aria-hidden />
                </IconButton>
              </span>
            ) : (
              <span className={`chat-actions waiting ${siblings.length > 1 ? 'branched' : ''}`} />
            )}
            <AnswerFacts message={message} isNewest={isNewest} isFull={isFull} />
          </>
        )}
      </footer>
    </article>
  );
});
