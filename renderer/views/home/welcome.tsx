import { ArrowRight, Sparkles } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SAMPLE_SOURCE } from '../../../app/contract/inspection.ts';
import { LinkButton } from '../../design/link-button.tsx';
import { paths } from '../../frame/navigation.ts';

/** What someone sees who has no model yet. */
export function Welcome(): ReactNode {
  const { t } = useTranslation('home');
  return (
    <section className="home-welcome" aria-labelledby="home-welcome">
      <h2 id="home-welcome">{t('welcome.title')}</h2>
      <p>{t('welcome.text')}</p>
      <div className="row wrap">
        <LinkButton to={paths.get()} look="primary" size="large">
          {t('welcome.get')}
          <ArrowRight aria-hidden />
        </LinkButton>
        <LinkButton to={paths.get(SAMPLE_SOURCE)} size="large">
          <Sparkles aria-hidden />
          {t('welcome.sample')}
        </LinkButton>
      </div>
      <p className="quiet home-sample-hint">{t('welcome.sampleHint')}</p>
    </section>
  );
}
