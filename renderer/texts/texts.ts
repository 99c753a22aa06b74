import i18next, { type FormatterModule } from 'i18next';
import { formatIn } from '../../app/contract/format.ts';
import { initReactI18next } from 'react-i18next';
import { de } from './de/index.ts';
import { en } from './en/index.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    resources: typeof en;
    returnNull: false;
  }
}

/** The language to show: what was chosen, else the first of the person's languages that we speak, else English. */
export function languageFor(
  chosen: 'system' | 'en' | 'de',
  preferred: readonly string[],
): 'en' | 'de' {
  if (chosen !== 'system') return chosen;
  for (const tag of preferred) {
    if (tag.startsWith('de')) return 'de';
    if (tag.startsWith('en')) return 'en';
  }
  return 'en';
}

/** Writes the numbers in texts as the language does: `28,883`, `28.883`. What must stay as it is (a seed) is given as text. */
const numbers: FormatterModule = {
  type: 'formatter',
  init: () => undefined,
  add: () => undefined,
  addCached: () => undefined,
  format: (value: unknown, _format, language) => {
    if (typeof value !== 'number') return String(value);
    return Number.isInteger(value)
      ? formatIn(language ?? 'en').whole(value)
      : formatIn(language ?? 'en').figure(value);
  },
};

void i18next
  .use(numbers)
  .use(initReactI18next)
  .init({
    resources: { en, de },
    lng: languageFor('system', navigator.languages),
    fallbackLng: 'en',
    defaultNS: 'common',
    // React escapes what it shows.
    interpolation: { escapeValue: false, alwaysFormat: true },
  });
