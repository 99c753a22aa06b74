import { useTranslation } from 'react-i18next';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Older than this, a date says more than a number of days. */
const RELATIVE_MS = 7 * DAY_MS;

/** When something was, as a person says it: `3 minutes ago`, `yesterday`, `12 Aug 2026`. */
export function formatWhen(iso: string, nowMs: number, locale: string): string {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return '';
  const agoMs = Math.max(0, nowMs - time);
  if (agoMs >= RELATIVE_MS)
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(time);
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
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
