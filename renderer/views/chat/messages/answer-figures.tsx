import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConversationMessage } from '../../../../app/contract/conversation.ts';
import { formatCount, formatDuration, formatRate } from '../../../texts/format.ts';
import type { GenerationStatistics } from '../../../../app/contract/sampling.ts';
import { Explained, Term } from '../../../design/tips.tsx';
import { useStore } from '../../../state/store.ts';
import { liveChat } from './live-answers.ts';

const stopTexts = {
  'stop-token': 'facts.stop.stopToken',
  'max-tokens': 'facts.stop.maxTokens',
  'context-full': 'facts.stop.contextFull',
  cancelled: 'facts.stop.cancelled',
} as const satisfies Record<GenerationStatistics['stop'], string>;

/** Letters of a hash that tell two files apart at a glance. */
const SHORT_HASH = 8;

/** How fast, how long, why it ended, and which weights spoke. Terms are explained at the newest answer alone. */
export function AnswerFacts({
  message,
  isNewest,
  isFull,
}: {
  readonly message: ConversationMessage;
  readonly isNewest: boolean;
  /** False while the message only passes by: terms are then plain words. */
  readonly isFull: boolean;
}): ReactNode {
  const { t } = useTranslation('chat');
  const { statistics, state, weightsSha256, weightsCheck } = message;
  const facts: ReactNode[] = [];
  if (statistics !== null) {
    if (statistics.decodeRate !== null)
      facts.push(formatRate(statistics.decodeRate, t('facts.rateUnit')));
    const first = t('facts.firstToken', { time: formatDuration(statistics.timeToFirstTokenMs) });
    if (statistics.generatedTokens > 0)
      facts.push(isNewest && isFull ? <Term name="ttft">{first}</Term> : first);
    const { cachedTokens = 0, promptTokens } = statistics;
    if (cachedTokens > 0)
      facts.push(
        t('facts.reused', {
          cached: formatCount(cachedTokens),
          prompt: formatCount(promptTokens),
        }),
      );
    facts.push(
      t('facts.tokens', {
        count: statistics.generatedTokens,
        formatted: formatCount(statistics.generatedTokens),
      }),
    );
  }
  if (state === 'failed') facts.push(t('facts.stop.failed'));
  else if (state === 'stopped') facts.push(t('facts.stop.cancelled'));
  else if (statistics !== null)
    facts.push(
      <span className={statistics.stop === 'stop-token' ? '' : 'chat-cut'}>
        {t(stopTexts[statistics.stop])}
      </span>,
    );
  if (weightsSha256 !== null) {
    const weights = t('facts.weights', { hash: weightsSha256.slice(0, SHORT_HASH) });
    const hint = [
      t('facts.weightsHint', { hash: weightsSha256 }),
      ...(weightsCheck === null ? [] : [t(`facts.check.${weightsCheck}`)]),
    ].join(' ');
    facts.push(
      isFull ? (
        <Explained text={<span className="chat-hash">{hint}</span>}>{weights}</Explained>
      ) : (
        <span className="term">{weights}</span>
      ),
    );
    if (weightsCheck === 'unverified')
      facts.push(<span className="chat-cut">{t('facts.unverified')}</span>);
  }
  return (
    <ul className="chat-facts">
      {facts.map((fact, index) => (
        <li key={index}>{fact}</li>
      ))}
    </ul>
  );
}

/** The same while the answer is being written. */
export function LiveFacts({ conversationId }: { readonly conversationId: number }): ReactNode {
  const { t } = useTranslation('chat');
  const { tokens, elapsedMs } = useStore(liveChat(conversationId).text);
  return (
    <ul className="chat-facts" aria-hidden>
      <li>{t('facts.tokens', { count: tokens, formatted: formatCount(tokens) })}</li>
      {tokens > 1 && elapsedMs > 0 ? (
        <li>{formatRate((tokens / elapsedMs) * 1000, t('facts.rateUnit'))}</li>
      ) : null}
    </ul>
  );
}
