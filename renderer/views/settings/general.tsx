import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Segmented, Switch } from '../../design/choices.tsx';
import { useAbout, useSettings } from '../../state/queries.ts';
import { Row, Section } from './setting-row.tsx';
import { useChange } from './use-change.ts';

export function General(): ReactNode {
  const { t } = useTranslation('settings');
  const settings = useSettings();
  const change = useChange();
  const { data: about } = useAbout();
  const canNotify = about?.canNotify !== false;
  return (
    <Section id="general" title={t('general.title')}>
      <Row label={t('general.theme')}>
        <Segmented
          label={t('general.theme')}
          value={settings.theme}
          onChange={(theme) => {
            change({ theme });
          }}
          choices={[
            { id: 'system', label: t('general.themeSystem') },
            { id: 'light', label: t('general.themeLight') },
            { id: 'dark', label: t('general.themeDark') },
          ]}
        />
      </Row>
      <Row label={t('general.language')}>
        <Segmented
          label={t('general.language')}
          value={settings.language}
          onChange={(language) => {
            change({ language });
          }}
          // A language is named in itself, so that it is found by those who speak it.
          choices={[
            { id: 'system', label: t('general.languageSystem') },
            { id: 'en', label: 'English' },
            { id: 'de', label: 'Deutsch' },
          ]}
        />
      </Row>
      <Row
        label={t('general.notifications')}
        hint={t(canNotify ? 'general.notificationsHint' : 'general.notificationsMissing')}
      >
        <Switch
          isSelected={settings.notifications && canNotify}
          isDisabled={!canNotify}
          onChange={(notifications) => {
            change({ notifications });
          }}
        >
          <span className="hidden-visually">{t('general.notifications')}</span>
        </Switch>
      </Row>
    </Section>
  );
}
