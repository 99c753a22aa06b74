import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../../state/store.ts';
import { endedAnswer } from './live-answers.ts';

/** Reads aloud that an answer ended and how long it is; never its tokens. */
export function AnswerAnnouncer({
  conversationId,
}: {
  readonly conversationId: number | null;
}): ReactNode {
  const { t } = useTranslation('chat');
  const ended = useStore(endedAnswer);
  let words = '';
  if (ended !== null && ended.conversationId === conversationId) {
    const { state, statistics, error } = ended.message;
    if (state === 'stopped') words = t('answerStopped');
    else if (state === 'failed') words = t('answerFailed', { reason: error?.message ?? '' });
    else words = t('answerFinished', { count: statistics?.generatedTokens ?? 0 });
  }
  return (
    <div role="status" aria-live="polite" className="hidden-visually">
      {words}
    </div>
  );
}
