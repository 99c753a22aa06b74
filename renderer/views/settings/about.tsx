import { Check, ClipboardCopy } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { Doctor } from '../../../app/contract/inspection.ts';
import { host } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import { useAbout, useDoctor } from '../../state/queries.ts';
import { Section } from './setting-row.tsx';

function CopyDiagnostics(): ReactNode {
  const { t } = useTranslation('settings');
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'failed'>('none');
  return (
    <div className="row wrap">
      <Button
        onPress={() => {
          host
            .diagnostics({})
            .then(({ text }) => navigator.clipboard.writeText(text))
            .then(
              () => {
                setOutcome('copied');
              },
              () => {
                setOutcome('failed');
              },
            );
        }}
      >
        {outcome === 'copied' ? <Check aria-hidden /> : <ClipboardCopy aria-hidden />}
        {t('about.copy')}
      </Button>
      <span role="status" className="quiet">
        {outcome === 'copied' ? t('about.copied') : null}
        {outcome === 'failed' ? t('about.copyFailed') : null}
      </span>
    </div>
  );
}

function Machine({ doctor }: { readonly doctor: Doctor }): ReactNode {
  const { t } = useTranslation(['settings', 'common']);
  const { data: about } = useAbout();
  const { processor, gpus, gpuNote } = doctor;
  return (
    <dl className="facts settings-facts">
      <dt>{t('about.versions')}</dt>
      <dd>
        {Object.entries({ ...doctor.versions, platform: doctor.platform })
          .map(([name, version]) => `${name} ${version}`)
          .join(' · ')}
      </dd>
      <dt>{t('about.processor')}</dt>
      <dd>{processor.model}</dd>
      <dt>{t('about.features')}</dt>
      <dd>{[processor.isa, ...processor.features].join(', ')}</dd>
      <dt>{t('about.memory')}</dt>
      <dd>{formatBytes(doctor.memory.totalBytes)}</dd>
      <dt>{t('about.gpu')}</dt>
      <dd>
        {gpus.length > 0 ? gpus.map(({ name }) => name).join(', ') : (gpuNote ?? t('common:none'))}
      </dd>
      <dt>{t('about.providers')}</dt>
      <dd>{doctor.providers.join(', ')}</dd>
      <dt>{t('about.home')}</dt>
      <dd className="mono">{doctor.home.directory}</dd>
      <dt>{t('about.log')}</dt>
      <dd className="mono">{about?.logFile ?? t('about.noLog')}</dd>
    </dl>
  );
}

export function About(): ReactNode {
  const { t } = useTranslation(['settings', 'common']);
  const { data: doctor, error, refetch } = useDoctor();
  return (
    <Section id="about" title={t('about.title')}>
      <div className="settings-row settings-about">
        {error !== null ? (
          <FailureNote
            failure={error}
            actions={<Button onPress={() => void refetch()}>{t('common:retry')}</Button>}
          />
        ) : doctor === undefined ? (
          <Skeleton height={180} />
        ) : (
          <Machine doctor={doctor} />
        )}
        {doctor === undefined || doctor.problems.length === 0 ? null : (
          <Note kind="warn">
            <strong>{t('about.problems')}</strong>
            <ul>
              {doctor.problems.map((problem) => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
          </Note>
        )}
        <CopyDiagnostics />
        <p className="quiet">{t('about.licence')}</p>
      </div>
    </Section>
  );
}
