import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { LinkButton } from '../design/link-button.tsx';
import { ExternalLink } from '../frame/external-link.tsx';
import { paths } from '../frame/navigation.ts';
import { useDoctor } from '../state/queries.ts';
import { repositoryIn, type NextStep } from './next-steps.ts';

/** Leads to where the next step is done. */
export function StepButton({
  step,
  source,
}: {
  readonly step: NextStep;
  /** What was to be got or made; null where that is not known. */
  readonly source: string | null;
}): ReactNode {
  const { t } = useTranslation('errors');
  const { data: doctor } = useDoctor();
  if (step === 'page') {
    const repository = repositoryIn(source);
    return repository === null || doctor === undefined ? null : (
      <ExternalLink className="button normal small" href={`${doctor.endpoint}/${repository}`}>
        {t('steps.page')}
      </ExternalLink>
    );
  }
  const target = {
    token: paths.settingsAt('hub'),
    folders: paths.settingsAt('folders'),
    device: paths.settingsAt('running'),
    settings: paths.settingsAt('running'),
    report: paths.settingsAt('about'),
    library: paths.library,
    models: paths.library,
    remake: source === null ? paths.get() : paths.get(source),
  }[step];
  return (
    <LinkButton size="small" to={target}>
      {t(`steps.${step}`)}
    </LinkButton>
  );
}
