import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type ReactNode,
} from 'react';
import { useTranslation } from 'react-i18next';
import type { Artifact } from '../../../../app/contract/checkpoint.ts';
import { branchOf, type Conversation } from '../../../../app/contract/conversation.ts';
import { Button } from '../../../design/button.tsx';
import { useStore } from '../../../state/store.ts';
import { Answer } from './answer.tsx';
import { siblingsOf, treeOf } from './branches.ts';
import { estimatedHeight } from '../conversations/conversation-changes.ts';
import { focusComposer } from '../focus-composer.ts';
import { liveChat } from './live-answers.ts';
import { BeforeAnswer } from './live-text.tsx';
import { Question } from './question.tsx';
import { END_PX, useStayAtEnd } from './use-stay-at-end.ts';

/** Messages drawn beyond the edges: about half a screen. */
const OVERSCAN = 3;
/** Space above the first and below the last message, in px. */
const PADDING = 24;

/** The shown branch, drawn as far as it is on the screen. It stays at the end while the person is there. */
export function MessageList({
  conversation,
  artifacts,
  canAnswer,
}: {
  readonly conversation: Conversation;
  readonly artifacts: ReadonlyMap<string, Artifact>;
  readonly canAnswer: boolean;
}): ReactNode {
  const { t } = useTranslation('chat');
  const { id, messages, leafId } = conversation;
  const live = useStore(liveChat(id).answer);
  const scroller = useRef<HTMLDivElement>(null);
  const tree = useMemo(() => treeOf(messages), [messages]);
  const branch = useMemo(() => branchOf(messages, leafId), [messages, leafId]);
  // Functions that stay the same: a new one has all heights reckoned anew.
  const estimateSize = useCallback(
    (index: number) => estimatedHeight(branch[index]?.content ?? ''),
    [branch],
  );
  const getItemKey = useCallback((index: number) => branch[index]?.id ?? index, [branch]);
  // What is being edited stays, wherever the person scrolls.
  const [editing, setEditing] = useState<number | null>(null);
  const rangeExtractor = useCallback(
    (range: Range): number[] => {
      const drawn = defaultRangeExtractor(range);
      if (editing === null) return drawn;
      const index = branch.findIndex((message) => message.id === editing);
      return index < 0 || drawn.includes(index) ? drawn : [...drawn, index].sort((a, b) => a - b);
    },
    [branch, editing],
  );
  const virtualizer = useVirtualizer({
    count: branch.length,
    getScrollElement: () => scroller.current,
    estimateSize,
    getItemKey,
    rangeExtractor,
    overscan: OVERSCAN,
    paddingStart: PADDING,
    paddingEnd: PADDING,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: END_PX,
  });
  const isLive = live !== null;

  // Opened at its end; what the person sends is seen wherever they were.
  useLayoutEffect(() => {
    virtualizer.scrollToEnd();
  }, [virtualizer]);
  useEffect(() => {
    if (isLive) virtualizer.scrollToEnd();
  }, [virtualizer, isLive]);

  useStayAtEnd(scroller, virtualizer.scrollToEnd);

  const items = virtualizer.getVirtualItems();
  const last = branch.at(-1);
  const waitsForEngine = isLive && live.messageId === null && last?.role === 'user';
  return (
    <div className="chat-messages">
      <div
        ref={scroller}
        className="chat-scroller"
        role="region"
        aria-label={t('conversation')}
        tabIndex={0}
      >
        <ol
          className="chat-rows"
          aria-label={t('messages')}
          style={{ height: virtualizer.getTotalSize() }}
        >
          {items.map((item) => {
            const message = branch[item.index];
            if (message === undefined) return null;
            const isLast = message === last;
            const shared = {
              conversationId: id,
              message,
              siblings: siblingsOf(tree, message.id),
              isBusy: isLive,
              canAnswer,
              isScrolling: virtualizer.isScrolling,
            };
            return (
              <li
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                className="chat-row"
                aria-posinset={item.index + 1}
                aria-setsize={branch.length}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {message.role === 'user' ? (
                  <Question
                    {...shared}
                    isUnanswered={isLast && !isLive}
                    isEditing={editing === message.id}
                    onEdit={setEditing}
                  />
                ) : (
                  <Answer
                    {...shared}
                    artifact={artifacts.get(message.artifactId ?? '') ?? null}
                    isLive={live?.messageId === message.id}
                    isNewest={isLast}
                  />
                )}
                {isLast && waitsForEngine ? (
                  <BeforeAnswer artifact={artifacts.get(conversation.artifactId) ?? null} />
                ) : null}
              </li>
            );
          })}
        </ol>
      </div>
      {branch.length > 0 && !virtualizer.isAtEnd(END_PX) ? (
        <Button
          size="small"
          className="chat-newest"
          onPress={() => {
            virtualizer.scrollToEnd();
            focusComposer();
          }}
        >
          <ArrowDown aria-hidden />
          {t('newest')}
        </Button>
      ) : null}
    </div>
  );
}
