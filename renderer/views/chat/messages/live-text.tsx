import { useSyncExternalStore, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Artifact } from '../../../../app/contract/checkpoint.ts';
import { formatBytes, formatDuration } from '../../../texts/format.ts';
import { ProgressFigure } from '../../../design/progress-line.tsx';
import { useHeldModels } from '../../../state/loaded-models.ts';
import { useStore } from '../../../state/store.ts';
import { connection } from '../../../bridge.ts';
import { AnswerBoundary } from './answer-boundary.tsx';
import { liveChat } from './live-answers.ts';
import { MarkdownText } from '../markdown/markdown-text.tsx';

/** What stands where the answer will come: devices that are tried, memory that fills, then that the model reads. */
export function BeforeAnswer({ artifact }: { readonly artifact: Artifact | null }): ReactNode {
  const { t } = useTranslation(['chat', 'common', 'settings']);
  const held = useHeldModels().find((model) => model.artifactId === artifact?.id);
  if (held?.state === 'loading' && held.trial !== null) {
    const { device, done, total, secondsLeft } = held.trial;
    const time = secondsLeft === null ? null : Math.max(1, Math.round(secondsLeft)) * 1000;
    return (
      <div className="chat-before">
        <ProgressFigure
          label={t('chat:model.trying', { device: t(`settings:running.devices.${device}`) })}
          words={time === null ? '' : t('common:timeLeft', { time: formatDuration(time) })}
          fraction={total === null ? null : done / total}
        />
        <p className="quiet chat-aside">{t('chat:model.tryingHint')}</p>
      </div>
    );
  }
  if (held?.state === 'loading') {
    const done = held.memory?.residentBytes ?? 0;
    return (
      <div className="chat-before">
        <ProgressFigure
          label={t('chat:model.loading', { name: artifact?.name ?? '' })}
          words={t('common:ofTotal', {
            done: formatBytes(done),
            total: formatBytes(held.expectedBytes),
          })}
          fraction={held.expectedBytes > 0 ? Math.min(1, done / held.expectedBytes) : null}
        />
      </div>
    );
  }
  return (
    <div className="chat-before quiet">
      <span className="chat-pulse" aria-hidden />
      {t('chat:waiting')}
    </div>
  );
}

/** The text of the answer that is being written. */
export function LiveText({
  conversationId,
  kept,
  artifact,
}: {
  readonly conversationId: number;
  /** What the catalog has of it already. */
  readonly kept: string;
  readonly artifact: Artifact | null;
}): ReactNode {
  const { t } = useTranslation('chat');
  const chat = liveChat(conversationId);
  const { text } = useStore(chat.text);
  const answer = useStore(chat.answer);
  const state = useSyncExternalStore(connection.subscribe, connection.state);
  const shown = text.length >= kept.length ? text : kept;
  const isLost = answer?.phase === 'lost' || state !== 'connected';
  return (
    <>
      {shown === '' ? (
        <BeforeAnswer artifact={artifact} />
      ) : (
        <AnswerBoundary text={shown}>
          <MarkdownText text={shown} isStreaming />
        </AnswerBoundary>
      )}
      {isLost ? <p className="quiet chat-aside">{t('lost')}</p> : null}
      {answer?.phase === 'stopping' ? <p className="quiet chat-aside">{t('stopping')}</p> : null}
    </>
  );
}
