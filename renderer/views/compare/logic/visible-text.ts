/** Signs for what has no shape of its own. */
const SIGNS: Readonly<Record<string, string>> = { ' ': '␣', '\n': '↵', '\t': '⇥', '\r': '␍' };

/** A token's text with its spaces and line ends made visible. */
export function visibleText(text: string): string {
  return text.replace(/[ \n\t\r]/g, (character) => SIGNS[character] ?? character);
}

/** Whether a token shows nothing by itself: it needs a name to be read aloud or pointed at. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}
