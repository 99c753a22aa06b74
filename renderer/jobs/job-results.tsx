import { CircleCheck, CircleHelp, CircleX, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../texts/format.ts';
import type { Job } from '../../app/contract/job.ts';
import { LinkButton } from '../design/link-button.tsx';
import { paths } from '../frame/navigation.ts';
import { useLibrary } from '../state/queries.ts';
import { ArtifactTable } from './artifact-table.tsx';
import { MakeAgain } from './make-again.tsx';

type FileState = 'ok' | 'changed' | 'missing' | 'unverifiable';
const fileLooks: Readonly<Record<FileState, { readonly icon: LucideIcon; readonly look: string }>> =
  {
    ok: { icon: CircleCheck, look: 'good' },
    changed: { icon: TriangleAlert, look: 'danger' },
    missing: { icon: CircleX, look: 'danger' },
    unverifiable: { icon: CircleHelp, look: '' },
  };

/** What a verification found, the bad news first. */
function VerifiedFiles({
  files,
  id,
}: {
  readonly files: NonNullable<Job['files']>;
  /** Of the artifact or the checkpoint whose files they are. */
  readonly id: string;
}): ReactNode {
  const { t } = useTranslation(['jobs', 'common']);
  const bad = files.filter(({ state }) => state === 'changed' || state === 'missing');
  const isBad = (state: FileState): boolean => state === 'changed' || state === 'missing';
  const sorted = [...files].sort((a, b) => Number(isBad(b.state)) - Number(isBad(a.state)));
  return (
    <div className="stack tight">
      <p>
        {bad.length === 0
          ? t('files.ok', { count: files.length })
          : t('files.bad', { count: bad.length })}
      </p>
      {bad.length === 0 ? null : <MakeAgain id={id} />}
      <table className="table" aria-label={t('files.title')}>
        <thead>
          <tr>
            <th scope="col">{t('common:name')}</th>
            <th scope="col" className="number">
              {t('common:size')}
            </th>
            <th scope="col">{t('files.state')}</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(({ name, sizeBytes, state }) => {
            const { icon: Icon, look } = fileLooks[state];
            return (
              <tr key={name}>
                <td className="mono job-file">{name}</td>
                <td className="number">{formatBytes(sizeBytes)}</td>
                <td>
                  <span className={`badge job-state ${look}`}>
                    <Icon aria-hidden />
                    {t(`files.stateOf.${state}`)}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** What came of a job: versions, a download, a measurement, checked files. */
export function JobResults({ job }: { readonly job: Job }): ReactNode {
  const { t } = useTranslation('jobs');
  const { data: library } = useLibrary();
  if (job.files !== null && job.request.kind !== 'make')
    return <VerifiedFiles files={job.files} id={job.request.id} />;
  if (library === undefined) return null;
  const { request } = job;
  const ids =
    request.kind === 'make' ? job.artifactIds : request.kind === 'evaluate' ? [request.id] : [];
  const entries = ids.flatMap(
    (id) => library.artifacts.find(({ artifact }) => artifact.id === id) ?? [],
  );
  const first = entries[0]?.artifact;
  const sibling = library.artifacts.find(
    ({ artifact }) => artifact.checkpointId === first?.checkpointId && !ids.includes(artifact.id),
  );
  if (entries.length > 0)
    return <ArtifactTable entries={entries} compareWith={sibling?.artifact.id ?? null} />;
  const checkpoint = library.checkpoints.find(
    (known) => known.checkpoint.id === job.checkpointId,
  )?.checkpoint;
  if (request.kind === 'make' && request.schemes.length === 0 && checkpoint !== undefined)
    return (
      <div className="row wrap">
        <p className="grow">{t('downloadedHint', { size: formatBytes(checkpoint.sizeBytes) })}</p>
        <LinkButton to={paths.get(checkpoint.id)}>{t('makeVersion')}</LinkButton>
        <LinkButton look="plain" to={paths.details(checkpoint.id)}>
          {t('details')}
        </LinkButton>
      </div>
    );
  return job.state === 'done' ? <p className="quiet">{t('gone')}</p> : null;
}
