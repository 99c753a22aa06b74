import { useTranslation } from 'react-i18next';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Older than this, a date says more than a number of days. */
const RELATIVE_MS = 7 * DAY_MS;

/** Making a formatter takes as long as writing a hundred dates: one per language, for long lists. */
const formatters = new Map<
  string,
  { readonly date: Intl.DateTimeFormat; readonly relative: Intl.RelativeTimeFormat }
>();

function formattersFor(locale: string): {
  readonly date: Intl.DateTimeFormat;
  readonly relative: Intl.RelativeTimeFormat;
} {
  const known = formatters.get(locale) ?? {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }),
    relative: new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }),
  };
  formatters.set(locale, known);
  return known;
}

/** When something was, as a person says it: `3 minutes ago`, `yesterday`, `12 Aug 2026`. */
export function formatWhen(iso: string, nowMs: number, locale: string): string {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return '';
  const agoMs = Math.max(0, nowMs - time);
  const { date, relative } = formattersFor(locale);
  if (agoMs >= RELATIVE_MS) return date.format(time);
  if (agoMs < MINUTE_MS) return relative.format(0, 'second');
  if (agoMs < HOUR_MS) return relative.format(-Math.floor(agoMs / MINUTE_MS), 'minute');
  if (agoMs < DAY_MS) return relative.format(-Math.floor(agoMs / HOUR_MS), 'hour');
  return relative.format(-Math.floor(agoMs / DAY_MS), 'day');
}

/** The same in the person's language, counted from now. */
export function useWhen(): (iso: string) => string {
  const { i18n } = useTranslation();
  return (iso) => formatWhen(iso, Date.now(), i18n.language);
}
