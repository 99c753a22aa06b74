/**
 * Normalization of text with very long runs of combining marks. ICU, behind String.normalize, puts the marks behind a
 * letter in order by insertion: the square of their number, in one call that nothing can end. Sorted before, a run
 * takes time in proportion to its length. Unicode calls the order canonical (The Unicode Standard, 3.11, D109).
 */

export type NormalizationForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/**
 * Longest run that ICU gets unsorted: some hundredths of a millisecond, and longer than in any text that is to be read
 * (Unicode's Stream-Safe Text Format ends at 30).
 */
const LONGEST_RUN = 256;

/**
 * Code points with a combining class other than 0 are marks by Unicode's stability policy, and so is what decomposes into
 * them, but for the two halfwidth sound marks. Looking back keeps every run from being tried at each of its places.
 */
const MARK = '[\\p{M}\\uff9e\\uff9f]';
const LONG_RUN = new RegExp(`(?<!${MARK})${MARK}{${LONGEST_RUN + 1},}`, 'gu');

/** Marks of the lowest (1) and of the highest (240) combining class that reorders. */
const LOWEST = '\u0334';
const HIGHEST = '\u0345';

/** Whether `second` moves before `first`: its class is lower, and neither class is 0. */
function movesBefore(second: string, first: string): boolean {
  return first !== second && (first + second).normalize('NFD') === second + first;
}

/** Class 0: nothing moves across it. */
function isStarter(mark: string): boolean {
  return (
    mark !== LOWEST && mark !== HIGHEST && !movesBefore(LOWEST, mark) && !movesBefore(mark, HIGHEST)
  );
}

/** Marks of one combining class, in the order that they came in. */
interface MarkClass {
  readonly sample: string;
  marks: string[];
}

/** Combining classes by their order. JavaScript does not tell the classes; how two marks are ordered tells enough. */
class MarkClasses {
  /** In ascending order; null: a starter. Unicode has some 55 classes, and a thousand marks. */
  readonly #classes: MarkClass[] = [];
  readonly #known = new Map<string, MarkClass | null>();

  #find(mark: string): MarkClass | null {
    let known = this.#known.get(mark);
    if (known === undefined) {
      known = isStarter(mark) ? null : this.#classOf(mark);
      this.#known.set(mark, known);
    }
    return known;
  }

  #classOf(mark: string): MarkClass {
    const at = this.#classes.findIndex(({ sample }) => !movesBefore(sample, mark));
    const next = this.#classes[at];
    if (next !== undefined && !movesBefore(mark, next.sample)) return next;
    const made: MarkClass = { sample: mark, marks: [] };
    this.#classes.splice(at < 0 ? this.#classes.length : at, 0, made);
    return made;
  }

  /** A run, decomposed, with the marks between starters in canonical order. */
  sorted(run: string): string {
    let result = '';
    const flush = (): void => {
      for (const entry of this.#classes) {
        result += entry.marks.join('');
        entry.marks = [];
      }
    };
    for (const mark of run) {
      const found = this.#find(mark);
      if (found !== null) found.marks.push(mark);
      else {
        flush();
        result += mark;
      }
    }
    flush();
    return result;
  }
}

const isMark = new RegExp(`^${MARK}$`, 'u');

/**
 * Whether there may be a long run. One has a code unit at a multiple of its least length: only what lies around these is
 * looked at, which costs next to nothing in the texts that people write.
 */
function mayHaveLongRun(text: string): boolean {
  for (let at = LONGEST_RUN; at < text.length; at += LONGEST_RUN) {
    let start = at;
    let end = at;
    const step = (from: number): number => {
      const character = String.fromCodePoint(text.codePointAt(from) ?? 0);
      return isMark.test(character) ? character.length : 0;
    };
    // Low halves of a pair are passed over: the pair counts from its first half.
    if (/^[\udc00-\udfff]/.test(text.charAt(at))) start = end = at - 1;
    for (let length = step(end); length > 0 && end - start <= LONGEST_RUN; length = step(end))
      end += length;
    if (end === start) continue;
    while (end - start <= LONGEST_RUN && start > 0) {
      const isPair = /^[\udc00-\udfff]/.test(text.charAt(start - 1)) && start > 1;
      const before = start - (isPair ? 2 : 1);
      if (step(before) === 0) break;
      start = before;
    }
    if (end - start > LONGEST_RUN) return true;
  }
  return false;
}

/** As `text.normalize(form)`, in time that grows with the length alone. */
export function normalizeWithin(text: string, form: NormalizationForm): string {
  if (!mayHaveLongRun(text)) return text.normalize(form);
  const classes = new MarkClasses();
  const decomposed = form === 'NFKC' || form === 'NFKD' ? 'NFKD' : 'NFD';
  return text
    .replace(LONG_RUN, (run) =>
      // Mark by mark: together they would be put in order by insertion.
      classes.sorted(Array.from(run, (mark) => mark.normalize(decomposed)).join('')),
    )
    .normalize(form);
}
