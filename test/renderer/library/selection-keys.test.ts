import { describe, expect, it } from 'vitest';
import { selectionKey } from '../../../renderer/views/library/selection-keys.ts';

function press(
  key: string,
  rest: Partial<Parameters<typeof selectionKey>[0]> = {},
): 'all' | 'clear' | null {
  return selectionKey({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    defaultPrevented: false,
    target: null,
    ...rest,
  });
}

describe('keys of the selection', () => {
  it('clear it with Esc and take all with Ctrl A, or the command key', () => {
    expect(press('Escape')).toBe('clear');
    expect(press('a', { ctrlKey: true })).toBe('all');
    expect(press('A', { metaKey: true })).toBe('all');
    expect(press('a')).toBeNull();
  });

  it('leave alone what belongs to a field, a menu or a dialog, and what was answered already', () => {
    const inField = { closest: () => ({}) };
    expect(press('Escape', { target: inField })).toBeNull();
    expect(press('a', { ctrlKey: true, target: inField })).toBeNull();
    expect(press('Escape', { defaultPrevented: true })).toBeNull();
    expect(press('a', { ctrlKey: true, altKey: true })).toBeNull();
    expect(press('Escape', { target: { closest: () => null } })).toBe('clear');
  });
});
