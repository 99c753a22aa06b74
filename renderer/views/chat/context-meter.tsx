import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { Meter } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { formatCount } from '../../texts/format.ts';
import { Term } from '../../design/tips.tsx';
import { contextLevel } from './conversations/conversation-changes.ts';
import { useContextUse } from './use-context-use.ts';

/** How much of the context the chat takes; words where it becomes short. */
export function ContextMeter(props: {
  readonly conversationId: number | null;
  readonly artifactId: string | null;
  readonly leafId: number | null;
  readonly isLeafWhole: boolean;
  readonly system: string;
  readonly draft: string;
}): ReactNode {
  const { t } = useTranslation('chat');
  const { use, isHeld } = useContextUse(props);
  if (use === null)
    return (
      <span className="chat-context quiet">
        <Term name="contextLength" />
        {isHeld && props.conversationId !== null ? null : <span>{t('context.notLoaded')}</span>}
      </span>
    );
  const level = contextLevel(use.tokens, use.contextLength);
  const share = Math.min(1, use.tokens / use.contextLength);
  const words = t('context.use', {
    tokens: formatCount(use.tokens),
    total: formatCount(use.contextLength),
  });
  return (
    <>
      <span className={`chat-context ${level}`}>
        <Term name="contextLength" />
        <Meter
          aria-label={t('context.label')}
          value={share}
          minValue={0}
          maxValue={1}
          valueLabel={words}
          className="chat-context-bar"
        >
          <span style={{ width: `${share * 100}%` }} />
        </Meter>
        <span className="quiet">{words}</span>
      </span>
      <span role="status" className={`chat-context-words ${level}`}>
        {level === 'fine' ? null : (
          <>
            <TriangleAlert aria-hidden />
            {t(`context.${level}`)}
          </>
        )}
      </span>
    </>
  );
}
