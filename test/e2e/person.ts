// Two ways to use the app: with the mouse, and with nothing but a keyboard.
import type { Locator, Page } from 'playwright-core';

/** What a person does to what they see, whatever they do it with. */
export interface Hands {
  readonly name: 'mouse' | 'keyboard';
  /** Presses a button, follows a link, ticks a box. */
  press(target: Locator): Promise<void>;
  /** Puts a text into a field, in the place of what is there. */
  write(field: Locator, text: string): Promise<void>;
  /** Chooses a tab, a segment or a row: something one of several is reached in by arrow keys. */
  choose(target: Locator): Promise<void>;
  /** Opens what a row of a grid stands for: by a link in it, or with Enter on the row. */
  openRow(row: Locator, link: Locator): Promise<void>;
  /** Asks for a row to be deleted: by its menu, or with the key. */
  deleteRow(row: Locator, menu: Locator, item: Locator): Promise<void>;
  /** Opens a menu or a select and takes an item of it. */
  take(button: Locator, item: Locator): Promise<void>;
}

export function mouse(): Hands {
  return {
    name: 'mouse',
    press: async (target) => {
      // The box itself is hidden from the eye; what is seen and clicked is its label.
      const isHidden = await target.evaluate((element) => element instanceof HTMLInputElement);
      await (isHidden ? target.locator('xpath=ancestor::label[1]') : target).click();
    },
    write: (field, text) => field.fill(text),
    choose: (target) => target.click(),
    openRow: (_, link) => link.click(),
    deleteRow: async (_, menu, item) => {
      await menu.click();
      await item.click();
    },
    take: async (button, item) => {
      await button.click();
      await item.click();
    },
  };
}

/** More stops than any view has: whoever has not met an element by then never will. */
const MOST_STOPS = 400;

/** Arrow keys within one widget: a list of languages or schemes has a few dozen entries at most. */
const MOST_ARROWS = 40;

/** Whether the focus is on the element or on something in it. */
function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => element.contains(document.activeElement));
}

/**
 * Moves with Tab until the element has the focus, then with arrow keys: a widget of several parts is one stop.
 *
 * @throws when the keyboard does not get there
 */
async function reach(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  // The group that a part belongs to is one stop of the Tab key.
  const group = target.locator(
    'xpath=ancestor::*[@role="tablist" or @role="radiogroup" or @role="grid" or @role="listbox" or @role="menu" or @role="toolbar" or @role="treegrid"][1]',
  );
  const isPart = (await group.count()) > 0;
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    if (await hasFocus(target)) return;
    if (isPart && (await hasFocus(group))) {
      for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp'])
        for (let step = 0; step < MOST_ARROWS; step++) {
          if (await hasFocus(target)) return;
          const before = await page.evaluate(() => document.activeElement?.outerHTML);
          await page.keyboard.press(key);
          if (before === (await page.evaluate(() => document.activeElement?.outerHTML))) break;
        }
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`The keyboard does not get to ${target.toString()}.`);
}

export function keyboard(page: Page): Hands {
  return {
    name: 'keyboard',
    press: async (target) => {
      await reach(page, target);
      // A box is ticked with the space bar, everything else is pressed with Enter.
      const isBox = await target.evaluate((element) =>
        ['checkbox', 'switch'].includes(
          (element as HTMLInputElement).type || (element.getAttribute('role') ?? ''),
        ),
      );
      await page.keyboard.press(isBox ? 'Space' : 'Enter');
    },
    write: async (field, text) => {
      await reach(page, field);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.insertText(text);
    },
    choose: async (target) => {
      await reach(page, target);
      const chosen = await target.evaluate(
        (element) =>
          element.getAttribute('aria-selected') === 'true' ||
          element.getAttribute('aria-checked') === 'true',
      );
      if (!chosen) await page.keyboard.press('Enter');
    },
    openRow: async (row) => {
      await reach(page, row);
      await page.keyboard.press('Enter');
    },
    deleteRow: async (row) => {
      await reach(page, row);
      await page.keyboard.press('Delete');
    },
    take: async (button, item) => {
      await reach(page, button);
      await page.keyboard.press('Enter');
      await item.waitFor();
      for (let step = 0; step < MOST_ARROWS; step++) {
        if (await hasFocus(item)) break;
        await page.keyboard.press('ArrowDown');
      }
      if (!(await hasFocus(item))) throw new Error(`No arrow key gets to ${item.toString()}.`);
      await page.keyboard.press('Enter');
    },
  };
}
