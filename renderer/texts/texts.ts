import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { de } from './de/index.ts';
import { en } from './en/index.ts';

/** The same keys with other words: what a translation must be to compile. */
export type Texts<T> = { readonly [K in keyof T]: T[K] extends string ? string : Texts<T[K]> };

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

void i18next.use(initReactI18next).init({
  resources: { en, de },
  lng: languageFor('system', navigator.languages),
  fallbackLng: 'en',
  defaultNS: 'common',
  // React escapes what it shows.
  interpolation: { escapeValue: false },
});
