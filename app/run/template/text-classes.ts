/** Whether a text is not empty and each character is of a kind. */
function every(text: string, kind: RegExp): boolean {
  return text !== '' && kind.test(text);
}

/** Numeric_Type=Digit beyond decimals: superscripts, circled digits and the like. */
const DIGITS =
  '\\p{Nd}\\u00b2\\u00b3\\u00b9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468\\u2474-\\u247c\\u2488-\\u2490\\u24ea\\u24f5-\\u24fd\\u24ff\\u2776-\\u277e\\u2780-\\u2788\\u278a-\\u2792';
/** Ideographs that are numbers. */
const IDEOGRAPHS =
  '\\u3007\\u4e00\\u4e03\\u4e07\\u4e09\\u4e5d\\u4e8c\\u4e94\\u4ebf\\u4ebf\\u5104\\u5146\\u516b\\u516d\\u5341\\u5343\\u56db\\u767e\\u842c';

const decimal = /^\p{Nd}+$/u;
const digit = new RegExp(`^[${DIGITS}]+$`, 'u');
const numeric = new RegExp(`^[\\p{N}${IDEOGRAPHS}]+$`, 'u');
const alphabetic = /^\p{L}+$/u;
const alphanumeric = new RegExp(`^[\\p{L}\\p{N}${IDEOGRAPHS}]+$`, 'u');

const lower = /\p{Lowercase}/u;
const upper = /[\p{Uppercase}\p{Lt}]/u;

/** A word's first character in title case: a capital, but for digraphs such as ǆ. */
function titleCase(character: string): string {
  const digraphs: Readonly<Record<string, string>> = {
    ǆ: 'ǅ',
    Ǆ: 'ǅ',
    ǉ: 'ǈ',
    Ǉ: 'ǈ',
    ǌ: 'ǋ',
    Ǌ: 'ǋ',
    ǳ: 'ǲ',
    Ǳ: 'ǲ',
    ß: 'Ss',
  };
  const upperCase = character.toUpperCase();
  // A ligature becomes several characters, of which the first is the capital.
  if (/^[\ufb00-\ufb17]$/.test(character))
    return upperCase.charAt(0) + upperCase.slice(1).toLowerCase();
  return digraphs[character] ?? upperCase;
}

/** The methods of str that ask or change what kind its characters are. */
export const textClasses = {
  isdecimal: (text: string): boolean => every(text, decimal),
  isdigit: (text: string): boolean => every(text, digit),
  isnumeric: (text: string): boolean => every(text, numeric),
  isalpha: (text: string): boolean => every(text, alphabetic),
  isalnum: (text: string): boolean => every(text, alphanumeric),
  // eslint-disable-next-line no-control-regex -- ASCII has control characters
  isascii: (text: string): boolean => /^[\x00-\x7f]*$/.test(text),
  islower: (text: string): boolean => lower.test(text) && !upper.test(text),
  isupper: (text: string): boolean => upper.test(text) && !lower.test(text),
  isidentifier: (text: string): boolean => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text),
  istitle(text: string): boolean {
    let isCased = false;
    let isWord = false;
    for (const character of text) {
      if (upper.test(character)) {
        if (isWord) return false;
        isWord = isCased = true;
      } else if (lower.test(character)) {
        if (!isWord) return false;
        isCased = true;
      } else isWord = false;
    }
    return isCased;
  },
};

export const textCases = {
  upper: (text: string): string => text.toUpperCase(),
  lower: (text: string): string => text.toLowerCase(),
  casefold: (text: string): string =>
    text.toLowerCase().replaceAll('ß', 'ss').replaceAll('ς', 'σ').replaceAll('ſ', 's'),
  capitalize(text: string): string {
    const [first = ''] = text;
    return titleCase(first) + text.slice(first.length).toLowerCase();
  },
  swapcase: (text: string): string =>
    Array.from(text, (c) =>
      upper.test(c) ? c.toLowerCase() : lower.test(c) ? c.toUpperCase() : c,
    ).join(''),
  title(text: string): string {
    let out = '';
    let isWord = false;
    for (const character of text) {
      out += isWord ? character.toLowerCase() : titleCase(character);
      isWord = upper.test(character) || lower.test(character);
    }
    return out;
  },
};
