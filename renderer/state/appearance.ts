import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from './queries.ts';
import { languageFor } from '../texts/texts.ts';

/** Applies theme and language to the page; returns the locale in use. */
export function useAppearance(): { readonly locale: string } {
  const { theme, language } = useSettings();
  const { i18n } = useTranslation();
  const locale = languageFor(language, navigator.languages);
  useEffect(() => {
    document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
  }, [theme]);
  useEffect(() => {
    document.documentElement.lang = locale;
    if (i18n.language !== locale) void i18n.changeLanguage(locale);
  }, [i18n, locale]);
  return { locale };
}
