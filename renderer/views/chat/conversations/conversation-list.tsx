import { MessageSquarePlus, Pencil, Trash2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import {
  GridList,
  GridListHeader,
  GridListItem,
  GridListSection,
  ListLayout,
  Virtualizer,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { ConversationSummary } from '../../../../app/contract/conversation.ts';
import { Button } from '../../../design/button.tsx';
import { SearchField } from '../../../design/fields.tsx';
import { ActionMenu } from '../../../design/menu.tsx';
import { FailureNote } from '../../../errors/error-note.tsx';
import { Skeleton, Waiting } from '../../../design/skeleton.tsx';
import { toast } from '../../../design/toasts.tsx';
import { paths } from '../../../frame/navigation.ts';
import { changeConversation } from './conversation-cache.ts';
import { groupByDay } from './conversation-groups.ts';
import { excerptParts } from './excerpt.ts';
import { NameDialog } from './name-dialog.tsx';
import { useConversationList } from './use-conversation-list.ts';
import { useRemoveConversation } from './use-remove-conversation.ts';
import { errorText } from '../../../errors/error-words.ts';

/** Heights of the list's parts, in px. */
const ROW_PX = 36;
const EXCERPT_ROW_PX = 76;
const HEADING_PX = 32;
const PADDING_PX = 8;

function Excerpt({ text }: { readonly text: string }): ReactNode {
  return (
    <span className="chat-excerpt">
      {excerptParts(text).map((part, index) =>
        part.isHit ? <mark key={index}>{part.text}</mark> : <span key={index}>{part.text}</span>,
      )}
    </span>
  );
}

function Row({
  summary,
  isOpen,
  onRename,
  onRemove,
}: {
  readonly summary: ConversationSummary;
  readonly isOpen: boolean;
  readonly onRename: () => void;
  readonly onRemove: () => void;
}): ReactNode {
  const { t } = useTranslation(['chat', 'common']);
  const title = summary.title === '' ? t('chat:untitled') : summary.title;
  return (
    <GridListItem
      id={summary.id}
      textValue={title}
      href={`#${paths.chat(summary.id)}`}
      className={`chat-list-row ${isOpen ? 'open' : ''}`}
      aria-current={isOpen ? 'page' : undefined}
    >
      <span className="grow">
        <span className="chat-list-title ellipsis">{title}</span>
        {summary.excerpt === null ? null : <Excerpt text={summary.excerpt} />}
      </span>
      <ActionMenu
        size="small"
        label={t('chat:list.actions', { title })}
        actions={[
          {
            id: 'rename',
            label: t('common:rename'),
            icon: <Pencil aria-hidden />,
            onAction: onRename,
          },
          {
            id: 'remove',
            label: t('common:remove'),
            icon: <Trash2 aria-hidden />,
            isDangerous: true,
            onAction: onRemove,
          },
        ]}
      />
    </GridListItem>
  );
}

function ListSkeleton(): ReactNode {
  return (
    <Waiting className="chat-list-wait stack tight">
      {[180, 140, 200, 120].map((width) => (
        <Skeleton key={width} width={width} height={20} />
      ))}
    </Waiting>
  );
}

/** All conversations, newest first, and the search through everything that was said. */
export function ConversationList({ openId }: { readonly openId: number | null }): ReactNode {
  const { t } = useTranslation(['chat', 'common']);
  const [, navigate] = useLocation();
  const [query, setQuery] = useState('');
  const [renaming, setRenaming] = useState<ConversationSummary | null>(null);
  const { data, error, refetch } = useConversationList(query);
  const summaries = data ?? [];
  const remove = useRemoveConversation(summaries, openId);
  const groups = groupByDay(summaries, new Date());
  const isSearching = summaries.some(({ excerpt }) => excerpt !== null);
  return (
    <aside className="chat-list" aria-label={t('chat:list.title')}>
      <div className="chat-list-head stack tight">
        <Button
          onPress={() => {
            navigate(paths.chat());
          }}
        >
          <MessageSquarePlus aria-hidden />
          {t('chat:newChat')}
        </Button>
        <SearchField label={t('chat:list.search')} value={query} onChange={setQuery} />
      </div>
      {error === null ? null : (
        <div className="chat-list-wait">
          <FailureNote
            failure={error}
            actions={
              <Button size="small" onPress={() => void refetch()}>
                {t('common:retry')}
              </Button>
            }
          />
        </div>
      )}
      {data === undefined && error === null ? <ListSkeleton /> : null}
      {data !== undefined && groups.length === 0 ? (
        <p className="chat-list-wait quiet" role="status">
          {query.trim() === ''
            ? t('chat:list.empty')
            : t('chat:list.nothingFound', { query: query.trim() })}
        </p>
      ) : null}
      {groups.length === 0 ? null : (
        <Virtualizer
          layout={ListLayout}
          layoutOptions={{
            rowHeight: isSearching ? EXCERPT_ROW_PX : ROW_PX,
            headingHeight: HEADING_PX,
            padding: PADDING_PX,
          }}
        >
          <GridList aria-label={t('chat:list.title')} className="chat-list-rows">
            {groups.map((group) => (
              <GridListSection key={group.name} id={group.name}>
                <GridListHeader className="chat-list-heading">
                  {t(`chat:list.${group.name}`)}
                </GridListHeader>
                {group.conversations.map((summary) => (
                  <Row
                    key={summary.id}
                    summary={summary}
                    isOpen={summary.id === openId}
                    onRename={() => {
                      setRenaming(summary);
                    }}
                    onRemove={() => {
                      remove(summary);
                    }}
                  />
                ))}
              </GridListSection>
            ))}
          </GridList>
        </Virtualizer>
      )}
      {renaming === null ? null : (
        <NameDialog
          title={t('chat:list.renameTitle')}
          label={t('chat:list.titleLabel')}
          initial={renaming.title}
          onClose={() => {
            setRenaming(null);
          }}
          onSave={(title) => {
            changeConversation(renaming.id, { title }).catch((thrown: unknown) => {
              toast({
                text: t('chat:settings.failed', { reason: errorText(thrown) }),
                look: 'danger',
              });
            });
          }}
        />
      )}
    </aside>
  );
}
