import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Checkbox, Switch } from '../../design/choices.tsx';
import { SchemeBadge, useSchemeTexts } from '../../design/scheme.tsx';
import { Term } from '../../design/tips.tsx';
import { useSchemes, useSettings } from '../../state/queries.ts';
import { Row, Section } from './setting-row.tsx';
import { useChange } from './use-change.ts';

export function Making(): ReactNode {
  const { t } = useTranslation('settings');
  const { defaultSchemes, measureAfterMaking } = useSettings();
  const change = useChange();
  const texts = useSchemeTexts();
  const ordered = [...useSchemes().values()].sort((a, b) => a.bits - b.bits);
  const names = ordered.map(({ name }) => name);
  // A newer Nibble's stay until they are unticked.
  const shown = [...names, ...defaultSchemes.filter((scheme) => !names.includes(scheme))];
  return (
    <Section id="making" title={t('making.title')}>
      <div className="settings-row settings-schemes" role="group" aria-label={t('making.schemes')}>
        <p className="settings-label">{t('making.schemes')}</p>
        <ul>
          {shown.map((scheme) => (
            <li key={scheme} className="row">
              <Checkbox
                label={texts(scheme).label}
                isSelected={defaultSchemes.includes(scheme)}
                onChange={(selected) => {
                  change({
                    defaultSchemes: selected
                      ? [...defaultSchemes, scheme]
                      : defaultSchemes.filter((other) => other !== scheme),
                  });
                }}
              />
              <SchemeBadge scheme={scheme} />
            </li>
          ))}
        </ul>
      </div>
      <Row
        label={t('making.measure')}
        hint={
          <>
            <Term name="perplexity" />. {t('making.measureHint')}
          </>
        }
      >
        <Switch
          isSelected={measureAfterMaking}
          onChange={(selected) => {
            change({ measureAfterMaking: selected });
          }}
        >
          <span className="hidden-visually">{t('making.measure')}</span>
        </Switch>
      </Row>
    </Section>
  );
}
