import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useHeldModels } from '../../../state/loaded-models.ts';
import { useStore } from '../../../state/store.ts';
import { endedAnswer } from './live-answers.ts';
import { errorSentence } from '../../../errors/error-words.ts';

/** Reads aloud that a device is tried, that an answer ended and how long it is; never figures that run, nor tokens. */
export function AnswerAnnouncer({
  conversationId,
  artifactId,
}: {
  readonly conversationId: number | null;
  readonly artifactId: string | null;
}): ReactNode {
  const { t } = useTranslation(['chat', 'settings']);
  const ended = useStore(endedAnswer);
  const trial = useHeldModels().find((model) => model.artifactId === artifactId)?.trial ?? null;
  let words = '';
  if (trial !== null)
    words = t('model.trying', { device: t(`settings:running.devices.${trial.device}`) });
  else if (ended !== null && ended.conversationId === conversationId) {
    const { state, statistics, error } = ended.message;
    if (state === 'stopped') words = t('answerStopped');
    else if (state === 'failed')
      words = t('answerFailed', { reason: error === null ? '' : errorSentence(error) });
    else words = t('answerFinished', { count: statistics?.generatedTokens ?? 0 });
  }
  return (
    <div role="status" aria-live="polite" className="hidden-visually">
      {words}
    </div>
  );
}
