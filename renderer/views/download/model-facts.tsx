import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatCount } from '../../texts/format.ts';
import { SAMPLE_SOURCE, type Inspection } from '../../../app/contract/inspection.ts';
import { Note } from '../../design/notes.tsx';
import { Term } from '../../design/tips.tsx';
import { ErrorNote } from '../../errors/error-note.tsx';
import { ExternalLink } from '../../frame/external-link.tsx';
import { useDoctor, useLibrary } from '../../state/queries.ts';
import { textKey } from '../../texts/text-key.ts';
import { checkpointIn } from './plan.ts';
import { useSourceHub } from './use-download.ts';

/** Characters of a commit that tell it from every other of its repository. */
const SHORT_COMMIT = 12;

function useDownloadWords(inspection: Inspection): string {
  const { t } = useTranslation('get');
  const { data: library } = useLibrary();
  if (inspection.directory !== null || checkpointIn(library, inspection) !== null)
    return t('facts.noDownload');
  const size = formatBytes(inspection.downloadBytes);
  return inspection.source === SAMPLE_SOURCE ? t('facts.comesAlong', { size }) : size;
}

/** What a model is: architecture, parameters, terms. */
export function Facts({ inspection }: { readonly inspection: Inspection }): ReactNode {
  const { t } = useTranslation('get');
  const { data: doctor } = useDoctor();
  const download = useDownloadWords(inspection);
  const { architecture, repository, commit } = inspection;
  const { host } = useSourceHub(inspection.source);
  // Of what is here already nobody asked the hub.
  const isOnHub =
    repository !== null && inspection.directory === null && inspection.source !== SAMPLE_SOURCE;
  return (
    <section className="card stack tight get-facts-card" aria-labelledby="get-facts">
      <h2 id="get-facts">{t('facts.title')}</h2>
      <dl className="get-facts">
        <div>
          <dt>{t('facts.architecture')}</dt>
          <dd>{architecture}</dd>
        </div>
        <div>
          <dt>{t('facts.parameters')}</dt>
          <dd>
            {inspection.activeParameters === inspection.textParameters
              ? formatCount(inspection.parameters)
              : t('facts.active', {
                  total: formatCount(inspection.parameters),
                  active: formatCount(inspection.activeParameters),
                })}
          </dd>
        </div>
        <div>
          <dt>{t('facts.license')}</dt>
          <dd>{inspection.license ?? t('facts.noLicense')}</dd>
        </div>
        {inspection.contextLength === null ? null : (
          <div>
            <dt>
              <Term name="contextLength" />
            </dt>
            <dd>
              {t('facts.context', {
                number: inspection.contextLength,
              })}
            </dd>
          </div>
        )}
        {inspection.cacheBytesPerToken + inspection.stateBytes === 0 ? null : (
          <div>
            <dt>{t('facts.contextMemory')}</dt>
            <dd>
              {inspection.cacheBytesPerToken === 0
                ? t('facts.states', { size: formatBytes(inspection.stateBytes) })
                : t('facts.perToken', { size: formatBytes(inspection.cacheBytesPerToken) })}
              {inspection.cacheBytesPerToken === 0 || inspection.stateBytes === 0
                ? null
                : ` + ${t('facts.states', { size: formatBytes(inspection.stateBytes) })}`}
            </dd>
          </div>
        )}
        <div>
          <dt>{t('facts.download')}</dt>
          <dd>{download}</dd>
        </div>
        {isOnHub && host !== null ? (
          <div>
            <dt>{t('facts.hub')}</dt>
            <dd>{host}</dd>
          </div>
        ) : null}
        {isOnHub ? (
          <div>
            <dt>{t('facts.gated')}</dt>
            <dd>{t(inspection.gated ? 'facts.gatedYes' : 'facts.gatedNo')}</dd>
          </div>
        ) : null}
        {commit !== null ? (
          <div>
            <dt>{t('facts.commit')}</dt>
            <dd className="mono">{commit.slice(0, SHORT_COMMIT)}</dd>
          </div>
        ) : null}
      </dl>
      {isOnHub && doctor !== undefined ? (
        <p className="row wrap quiet">
          <ExternalLink href={`${doctor.endpoint}/${repository}`}>{t('facts.page')}</ExternalLink>
          {inspection.inspectedBytes > 0 ? (
            <span>{t('facts.read', { size: formatBytes(inspection.inspectedBytes) })}</span>
          ) : null}
        </p>
      ) : null}
      {inspection.obstacle !== null ? (
        <ErrorNote error={inspection.obstacle} />
      ) : inspection.schemes.length === 0 ? (
        <Note kind="warn">
          <strong>{t('notQuantizable', { architecture })}</strong>
          <p>{t('notQuantizableHint')}</p>
        </Note>
      ) : !inspection.runnable ? (
        <Note kind="warn">
          <p>{t('notRunnable', { architecture })}</p>
        </Note>
      ) : inspection.hasChatTemplate ? null : (
        <Note>
          <p>{t('noTemplate')}</p>
        </Note>
      )}
      {inspection.notes.map((note) => (
        <Note key={note}>
          <p>{t(`notes.${textKey(note)}`)}</p>
        </Note>
      ))}
    </section>
  );
}
