import { useEffect } from 'react';
import { stopAnswer } from './messages/live-answers.ts';

/** Where Esc means something else: what lies above the page, a search, a question that is edited. */
const OWN_ESCAPE = '.popover, .modal, .search-field, .chat-edit';

/** Esc stops the answer that is being written in this chat. */
export function useStopKey(conversationId: number | null): void {
  useEffect(() => {
    if (conversationId === null) return undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      if (event.target instanceof Element && event.target.closest(OWN_ESCAPE) !== null) return;
      stopAnswer(conversationId);
    };
    window.addEventListener('keydown', onKeyDown);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
    };
  }, [conversationId]);
}
