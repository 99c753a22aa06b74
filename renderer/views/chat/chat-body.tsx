import { MessageSquareOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conversation } from '../../../app/contract/conversation.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { EmptyState, Note } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../design/skeleton.tsx';
import { paths } from '../../frame/navigation.ts';
import { isLeafWhole } from './conversations/conversation-changes.ts';
import { Composer } from './composer.tsx';
import { stopAnswer } from './messages/live-answers.ts';
import { MessageList } from './messages/message-list.tsx';
import { NewChat } from './new-chat.tsx';
import type { ModelChoice } from './use-model.ts';
import { useSending } from './use-sending.ts';

function BodySkeleton(): ReactNode {
  const { t } = useTranslation('chat');
  return (
    <Waiting className="chat-wait" label={t('loadingConversation')}>
      <div className="chat-wait-question">
        <Skeleton height={40} />
      </div>
      <Skeleton width={160} />
      <Skeleton height={96} />
      <div className="chat-wait-question">
        <Skeleton height={40} />
      </div>
      <Skeleton width={160} />
      <Skeleton height={72} />
    </Waiting>
  );
}

/** Why nothing can be asked now, and what to do. */
function ModelNote({ model }: { readonly model: ModelChoice }): ReactNode {
  const { t } = useTranslation('chat');
  if (model.state === 'removed')
    return (
      <Note
        kind="warn"
        actions={
          model.listed.length > 0 ? undefined : (
            <LinkButton to={paths.get()} size="small">
              {t('noModel.action')}
            </LinkButton>
          )
        }
      >
        <strong>{t('model.gone')}</strong>
        <p>{t('model.goneHint')}</p>
      </Note>
    );
  if (model.state !== 'offline') return null;
  const name = model.byId.get(model.artifactId ?? '')?.name ?? '';
  return (
    <Note kind="warn">
      <strong>{t('model.offlineTitle', { name })}</strong>
      <p>{t('model.offlineHint')}</p>
    </Note>
  );
}

/** The conversation and where the person writes. */
export function ChatBody({
  conversationId,
  conversation,
  failure,
  onRetry,
  model,
}: {
  readonly conversationId: number | null;
  readonly conversation: Conversation | null;
  readonly failure: unknown;
  readonly onRetry: () => void;
  readonly model: ModelChoice;
}): ReactNode {
  const { t } = useTranslation(['chat', 'common']);
  const send = useSending(conversation, model.artifactId);
  const canAnswer = model.state === 'usable';
  if (failure !== null)
    return (
      <div className="chat-wait">
        <FailureNote
          failure={failure}
          actions={
            <>
              <Button onPress={onRetry}>{t('common:retry')}</Button>
              <LinkButton to={paths.chat()}>{t('chat:newChat')}</LinkButton>
            </>
          }
        />
      </div>
    );
  if (model.state === 'unknown') return <BodySkeleton />;
  if (model.state === 'none' && model.listed.length === 0)
    return (
      <EmptyState
        icon={<MessageSquareOff aria-hidden />}
        title={t('chat:noModel.title')}
        actions={
          <LinkButton to={paths.get()} look="primary">
            {t('chat:noModel.action')}
          </LinkButton>
        }
      >
        {t('chat:noModel.hint')}
      </EmptyState>
    );
  return (
    <>
      {conversation === null || conversation.messages.length === 0 ? (
        <NewChat draftOf={conversationId ?? 'new'} />
      ) : (
        <MessageList
          key={conversation.id}
          conversation={conversation}
          artifacts={model.byId}
          canAnswer={canAnswer}
        />
      )}
      <div className="chat-bottom">
        <div className="chat-bottom-column">
          <ModelNote model={model} />
          <Composer
            conversationId={conversationId}
            artifactId={model.artifactId}
            leafId={conversation?.leafId ?? null}
            isLeafWhole={conversation === null || isLeafWhole(conversation)}
            system={conversation?.system ?? ''}
            canAnswer={canAnswer}
            onSend={send}
            onStop={() => {
              if (conversationId !== null) stopAnswer(conversationId);
            }}
          />
        </div>
      </div>
    </>
  );
}
