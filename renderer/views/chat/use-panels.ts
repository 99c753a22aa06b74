import { useCallback, useEffect, useState } from 'react';

/** Below this width, in px, the conversation has no room beside two panels: one is open at a time. */
const NARROW_PX = 1100;
const KEY = 'nibble.chat.panels';

export interface Panels {
  readonly list: boolean;
  readonly settings: boolean;
}

function isNarrow(): boolean {
  return window.innerWidth < NARROW_PX;
}

function remembered(): Panels {
  const kept = localStorage.getItem(KEY)?.split(',') ?? ['list'];
  if (isNarrow()) return { list: false, settings: false };
  return { list: kept.includes('list'), settings: kept.includes('settings') };
}

/** Which panels beside the conversation are open; what was chosen in a wide window is remembered. */
export function usePanels(): {
  readonly panels: Panels;
  readonly toggle: (panel: keyof Panels) => void;
} {
  const [panels, setPanels] = useState(remembered);
  useEffect(() => {
    let wasNarrow = isNarrow();
    const onResize = (): void => {
      if (isNarrow() !== wasNarrow) setPanels(remembered());
      wasNarrow = isNarrow();
    };
    window.addEventListener('resize', onResize);
    return () => {
      window.removeEventListener('resize', onResize);
    };
  }, []);
  const toggle = useCallback(
    (panel: keyof Panels): void => {
      const other = panel === 'list' ? 'settings' : 'list';
      const next = {
        ...panels,
        [panel]: !panels[panel],
        ...(isNarrow() ? { [other]: false } : {}),
      };
      setPanels(next);
      if (!isNarrow())
        localStorage.setItem(
          KEY,
          (['list', 'settings'] as const).filter((name) => next[name]).join(',') || 'none',
        );
    },
    [panels],
  );
  return { panels, toggle };
}
