/** The id of the composer's text area: the place the focus returns to. */
export const COMPOSER_ID = 'chat-composer';

/** Puts the focus where the person writes, once what was pressed has gone. */
export function focusComposer(): void {
  requestAnimationFrame(() => {
    const composer = document.querySelector<HTMLTextAreaElement>(`#${COMPOSER_ID} textarea`);
    composer?.focus({ preventScroll: true });
  });
}
