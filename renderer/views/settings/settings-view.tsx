import { useEffect, type ReactNode } from 'react';
import { Button as AriaButton } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useSearch } from 'wouter';
import { View } from '../../design/view.tsx';
import { About } from './about.tsx';
import { Folders } from './folders.tsx';
import { General } from './general.tsx';
import { HubSection } from './hub.tsx';
import { Making } from './quantization-settings.tsx';
import { Running } from './running.tsx';
import './settings.css';

const sections = ['general', 'hub', 'running', 'making', 'folders', 'about'] as const;

/** Shows a section; its heading gets the focus, so that the keyboard goes on there. */
function goTo(section: string): void {
  const heading = document.getElementById(`settings-${section}`);
  heading?.scrollIntoView({ block: 'start' });
  heading?.focus({ preventScroll: true });
}

/** The list of sections. */
function SectionList(): ReactNode {
  const { t } = useTranslation('settings');
  return (
    <nav className="settings-nav" aria-label={t('sections')}>
      <ul>
        {sections.map((section) => (
          <li key={section}>
            <AriaButton
              className="settings-nav-button"
              onPress={() => {
                goTo(section);
              }}
            >
              {t(`${section}.title`)}
            </AriaButton>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Everything that can be set. Changes apply at once. */
export function SettingsView(): ReactNode {
  const { t } = useTranslation('settings');
  const asked = new URLSearchParams(useSearch()).get('section');
  useEffect(() => {
    if (asked !== null) goTo(asked);
  }, [asked]);
  return (
    <View title={t('title')}>
      <div className="settings">
        <SectionList />
        <div className="settings-sections">
          <General />
          <HubSection />
          <Running />
          <Making />
          <Folders />
          <About />
        </div>
      </div>
    </View>
  );
}
