import { useEffect, type RefObject } from 'react';

/** This near to the end counts as at the end, in px. */
export const END_PX = 64;

/** Keeps the end in view when the room for the messages changes: the window, a panel, a composer that grows. */
export function useStayAtEnd(
  scroller: RefObject<HTMLElement | null>,
  scrollToEnd: () => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    let isAtEnd = true;
    const onScroll = (): void => {
      isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= END_PX;
    };
    const observer = new ResizeObserver(() => {
      if (isAtEnd) scrollToEnd();
    });
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [scroller, scrollToEnd]);
}
