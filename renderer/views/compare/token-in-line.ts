/**
 * The token one line above or below another, the nearest to it from the left.
 *
 * @param text An element whose tokens carry their place in `data-place`.
 * @returns the same place where there is no such line
 */
export function placeInLine(text: HTMLElement, place: number, direction: 1 | -1): number {
  const tokens = [...text.querySelectorAll<HTMLElement>('[data-place]')];
  const from = tokens[place]?.getBoundingClientRect();
  if (from === undefined) return place;
  let best: { readonly place: number; readonly line: number; readonly distance: number } | null =
    null;
  for (const [at, token] of tokens.entries()) {
    const box = token.getBoundingClientRect();
    // Tokens of one line share its height up to the rounding of the layout.
    const lines = (box.top - from.top) * direction;
    if (lines < from.height / 2) continue;
    const distance = Math.abs(box.left - from.left);
    if (
      best === null ||
      lines < best.line - 2 ||
      (lines < best.line + 2 && distance < best.distance)
    )
      best = { place: at, line: lines, distance };
  }
  return best?.place ?? place;
}
