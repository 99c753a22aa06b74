const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

const DAY_MS = 86_400_000;

function dayOfYear(date: Date): number {
  const midnight = (year: number, month: number, day: number): number => Date.UTC(year, month, day);
  return (
    Math.round(
      (midnight(date.getFullYear(), date.getMonth(), date.getDate()) -
        midnight(date.getFullYear(), 0, 1)) /
        DAY_MS,
    ) + 1
  );
}

/** Year and week of ISO 8601: weeks begin on Monday, and week 1 has the year's first Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  thursday.setDate(thursday.getDate() + 3 - ((thursday.getDay() + 6) % 7));
  return { year: thursday.getFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}

/** One directive: a number with its width and padding, a text, or a format of others; null where there is none. */
function directive(
  code: string,
  date: Date,
): { number: number; width: number; fill?: string } | string | null {
  const hour12 = date.getHours() % 12 || 12;
  const weekday = date.getDay();
  switch (code) {
    case 'a':
      return days[weekday]?.slice(0, 3) ?? '';
    case 'A':
      return days[weekday] ?? '';
    case 'b':
    case 'h':
      return months[date.getMonth()]?.slice(0, 3) ?? '';
    case 'B':
      return months[date.getMonth()] ?? '';
    case 'c':
      return strftime('%a %b %e %H:%M:%S %Y', date);
    case 'C':
      return { number: Math.floor(date.getFullYear() / 100), width: 2 };
    case 'd':
      return { number: date.getDate(), width: 2 };
    case 'D':
    case 'x':
      return strftime('%m/%d/%y', date);
    case 'e':
      return { number: date.getDate(), width: 2, fill: ' ' };
    case 'f':
      return { number: date.getMilliseconds() * 1000, width: 6 };
    case 'F':
      return strftime('%Y-%m-%d', date);
    case 'g':
      return { number: isoWeek(date).year % 100, width: 2 };
    case 'G':
      return { number: isoWeek(date).year, width: 4 };
    case 'H':
      return { number: date.getHours(), width: 2 };
    case 'I':
      return { number: hour12, width: 2 };
    case 'j':
      return { number: dayOfYear(date), width: 3 };
    case 'k':
      return { number: date.getHours(), width: 2, fill: ' ' };
    case 'l':
      return { number: hour12, width: 2, fill: ' ' };
    case 'm':
      return { number: date.getMonth() + 1, width: 2 };
    case 'M':
      return { number: date.getMinutes(), width: 2 };
    case 'n':
      return '\n';
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM';
    case 'P':
      return date.getHours() < 12 ? 'am' : 'pm';
    case 'r':
      return strftime('%I:%M:%S %p', date);
    case 'R':
      return strftime('%H:%M', date);
    case 's':
      return Math.floor(date.getTime() / 1000).toString();
    case 'S':
      return { number: date.getSeconds(), width: 2 };
    case 't':
      return '\t';
    case 'T':
    case 'X':
      return strftime('%H:%M:%S', date);
    case 'u':
      return { number: weekday || 7, width: 1 };
    case 'U':
      return { number: Math.floor((dayOfYear(date) + 6 - weekday) / 7), width: 2 };
    case 'V':
      return { number: isoWeek(date).week, width: 2 };
    case 'w':
      return { number: weekday, width: 1 };
    case 'W':
      return { number: Math.floor((dayOfYear(date) + 6 - ((weekday + 6) % 7)) / 7), width: 2 };
    case 'y':
      return { number: date.getFullYear() % 100, width: 2 };
    case 'Y':
      return { number: date.getFullYear(), width: 1 };
    case 'z':
    case 'Z':
    case ':z':
      // Python's now() knows no time zone.
      return '';
    case '%':
      return '%';
    default:
      return null;
  }
}

/**
 * Python's datetime.strftime of local time, in the C locale, with glibc's flags: `-` no padding, `_` spaces, `0` zeros,
 * `^` capitals, `#` the other case.
 */
export function strftime(format: string, date: Date): string {
  return format.replace(
    /%([-_0^#]*)(\d*)(:?.)/gsu,
    (whole, flags: string, widthText: string, code: string) => {
      const found = directive(code, date);
      if (found === null) return whole;
      let text: string;
      if (typeof found === 'string') text = found;
      else {
        const fill = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : (found.fill ?? '0');
        const width = widthText === '' ? found.width : Math.min(Number(widthText), 100);
        text = flags.includes('-')
          ? found.number.toString()
          : found.number.toString().padStart(width, fill);
      }
      if (flags.includes('^')) return text.toUpperCase();
      if (flags.includes('#')) return 'pZ'.includes(code) ? text.toLowerCase() : text.toUpperCase();
      return text;
    },
  );
}
