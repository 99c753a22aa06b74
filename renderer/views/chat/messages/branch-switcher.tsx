import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../../design/button.tsx';
import { toast } from '../../../design/toasts.tsx';
import { showBranch } from '../conversations/conversation-cache.ts';
import { errorText } from '../../../errors/error-words.ts';

/** The message that takes over the focus of the switcher that was pressed: it stands in the place of the other. */
let focusNext: { readonly messageId: number; readonly step: 1 | -1 } | null = null;

/** ‹ 2/3 ›: shows another version of a question or an answer. */
export function BranchSwitcher({
  conversationId,
  messageId,
  siblings,
}: {
  readonly conversationId: number;
  readonly messageId: number;
  readonly siblings: readonly number[];
}): ReactNode {
  const { t } = useTranslation('chat');
  const back = useRef<HTMLButtonElement>(null);
  const forth = useRef<HTMLButtonElement>(null);
  const index = siblings.indexOf(messageId);
  const isFirst = index <= 0;
  const isLast = index === siblings.length - 1;
  useEffect(() => {
    if (focusNext?.messageId !== messageId) return;
    const wantsForth = focusNext.step === 1 ? !isLast : isFirst;
    focusNext = null;
    (wantsForth ? forth : back).current?.focus();
  }, [messageId, isFirst, isLast]);
  if (siblings.length < 2) return null;

  const go = (step: 1 | -1) => (): void => {
    const next = siblings[index + step];
    if (next === undefined) return;
    focusNext = { messageId: next, step };
    showBranch(conversationId, next).catch((thrown: unknown) => {
      toast({ text: t('settings.failed', { reason: errorText(thrown) }), look: 'danger' });
    });
  };
  return (
    <span className="chat-branches" role="group" aria-label={t('branch', words(index, siblings))}>
      <IconButton
        size="small"
        ref={back}
        label={t('previousBranch')}
        isDisabled={isFirst}
        onPress={go(-1)}
      >
        <ChevronLeft aria-hidden />
      </IconButton>
      <span aria-hidden>{`${index + 1}/${siblings.length}`}</span>
      <IconButton
        size="small"
        ref={forth}
        label={t('nextBranch')}
        isDisabled={isLast}
        onPress={go(1)}
      >
        <ChevronRight aria-hidden />
      </IconButton>
    </span>
  );
}

function words(
  index: number,
  siblings: readonly number[],
): { readonly index: number; readonly count: number } {
  return { index: index + 1, count: siblings.length };
}
