import { charactersOf } from './characters.ts';

/** A title is for a list: the beginning of the first question. */
const TITLE_LENGTH = 60;

/** The first line of a question, at most 60 characters, cut between words where there is a place to cut. */
export function titleFrom(question: string): string {
  const line = question.split(/\r\n?|\n/).find((candidate) => candidate.trim() !== '') ?? '';
  const clean = line.trim().replace(/\s+/g, ' ');
  const characters = charactersOf(clean);
  if (characters.length <= TITLE_LENGTH) return clean;
  const start = characters.slice(0, TITLE_LENGTH).join('');
  if (characters[TITLE_LENGTH] === ' ') return start;
  const space = start.lastIndexOf(' ');
  // A line without spaces (a path, Japanese) is cut where it is too long.
  return space > 0 ? start.slice(0, space) : start;
}
