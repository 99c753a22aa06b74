import { useEffect } from 'react';
import { useLocation } from 'wouter';
import { paths, views } from './navigation.ts';
import { overlay } from './shell-state.ts';

const isMac = /mac/i.test(navigator.platform);

/** `Ctrl K`, or `⌘ K` on a Mac. */
export function keyName(key: string): string {
  return isMac ? `⌘ ${key}` : `Ctrl ${key}`;
}

/** Whether a key press is the platform's command key with this key. */
export function isCommand(event: KeyboardEvent, key: string): boolean {
  return (
    (isMac ? event.metaKey : event.ctrlKey) && !event.altKey && event.key.toLowerCase() === key
  );
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** The shortcuts that work in every view. */
export function useGlobalKeys(): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (isCommand(event, 'k')) overlay.write(overlay.read() === 'palette' ? null : 'palette');
      else if (isCommand(event, 'n')) navigate(paths.chat());
      else if (event.key === '?' && !isTyping(event.target)) overlay.write('shortcuts');
      else if (
        event.altKey &&
        !event.ctrlKey &&
        !event.metaKey &&
        /^Digit[1-6]$/.test(event.code)
      ) {
        const view = views[Number(event.code.slice(-1)) - 1];
        if (view === undefined) return;
        navigate(view.path);
      } else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
    };
  }, [navigate]);
}
