/** Signs for what has no shape of its own. */
const SIGNS: Readonly<Record<string, string>> = { ' ': '␣', '\n': '↵', '\t': '⇥', '\r': '␍' };

/** A token's text with its spaces and line ends made visible. */
export function visibleText(text: string): string {
  return text.replace(/[ \n\t\r]/g, (character) => SIGNS[character] ?? character);
}

/** A token's text as part of a sentence: as a reader says it, with signs only where there is nothing else. */
export function spokenText(text: string): string {
  return isBlank(text) ? visibleText(text) : text.trim();
}

/** Whether a token shows nothing by itself: it needs a name to be read aloud or pointed at. */
export function isBlank(text: string): boolean {
  return text.trim() === '';
}
