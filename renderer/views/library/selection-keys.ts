/** Where keys are text, or belong to something that lies over the page. */
const ELSEWHERE =
  'input:not([type="checkbox"]), textarea, select, [contenteditable], [role="dialog"], [role="alertdialog"], [role="menu"], [role="listbox"]';

/** What a key asks of the selection: Esc clears it, Ctrl A (on a Mac with the command key) takes all; null for others. */
export function selectionKey(
  event: Pick<
    KeyboardEvent,
    'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'defaultPrevented'
  > & {
    readonly target: unknown;
  },
): 'all' | 'clear' | null {
  const { target } = event;
  if (event.defaultPrevented || event.altKey || event.shiftKey) return null;
  if (
    typeof target === 'object' &&
    target !== null &&
    'closest' in target &&
    typeof target.closest === 'function' &&
    (target as Element).closest(ELSEWHERE) !== null
  )
    return null;
  const isCommand = event.ctrlKey || event.metaKey;
  if (event.key === 'Escape' && !isCommand) return 'clear';
  return event.key.toLowerCase() === 'a' && isCommand ? 'all' : null;
}
