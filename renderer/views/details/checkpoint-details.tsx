import { lossKind } from '../../../app/contract/checkpoint.ts';
import { ExternalLink, Package } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBits, formatBytes, formatCount, formatDecibels } from '../../texts/format.ts';
import { host } from '../../bridge.ts';
import { CopyButton } from '../../design/copy-button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { SchemeBadge, SizeBar } from '../../design/scheme.tsx';
import { Term } from '../../design/tips.tsx';
import { paths } from '../../frame/navigation.ts';
import type { ModelWork } from '../../state/model-work.ts';
import { useAbout } from '../../state/queries.ts';
import { useWhen } from '../../texts/date-time.ts';
import { DetailsNotes } from './details-notes.tsx';
import type { ShownCheckpoint } from './use-details.ts';

/** The page of a repository on its hub; null where it has none that can be opened safely. */
export function repositoryPage(endpoint: string | null, repository: string | null): string | null {
  if (repository === null || !/^[\w.-]+\/[\w.-]+$/.test(repository)) return null;
  try {
    const url = new URL(`/${repository}`, endpoint ?? 'https://huggingface.co');
    return url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}

function RepositoryLink({
  page,
  name,
}: {
  readonly page: string | null;
  readonly name: string;
}): ReactNode {
  const isElectron = useAbout().data?.host === 'electron';
  if (page === null) return <span className="ellipsis">{name}</span>;
  return (
    <a
      href={page}
      target="_blank"
      rel="noreferrer"
      className="details-link"
      onClick={(event) => {
        if (!isElectron) return;
        event.preventDefault();
        void host.openExternal({ url: page });
      }}
    >
      {name}
      <ExternalLink aria-hidden />
    </a>
  );
}

/** A checkpoint: where it came from, and everything that was made from it. */
export function CheckpointDetails({
  shown,
  work,
}: {
  readonly shown: ShownCheckpoint;
  readonly work: ModelWork;
}): ReactNode {
  const { t } = useTranslation('details');
  const when = useWhen();
  const { checkpoint, artifacts } = shown;
  const { repository, commit, endpoint } = checkpoint.origin;
  const of16 = 2 * checkpoint.parameters;
  return (
    <div className="details stack">
      <DetailsNotes id={checkpoint.id} work={work} />
      <section className="card" aria-label={t('checkpoint.kind')}>
        <dl className="facts">
          <dt>{t('checkpoint.parameters')}</dt>
          <dd>{formatCount(checkpoint.parameters)}</dd>
          <dt>{t('size')}</dt>
          <dd>{formatBytes(checkpoint.sizeBytes)}</dd>
          <dt>{t('checkpoint.architecture')}</dt>
          <dd className="mono">{checkpoint.architecture}</dd>
          <dt>{t('checkpoint.licence')}</dt>
          <dd>{checkpoint.license ?? t('checkpoint.licenceNone')}</dd>
          <dt>{t('checkpoint.repository')}</dt>
          <dd>
            {repository === null ? (
              t('localFolder')
            ) : (
              <RepositoryLink page={repositoryPage(endpoint, repository)} name={repository} />
            )}
          </dd>
          {commit === null ? null : (
            <>
              <dt>{t('checkpoint.commit')}</dt>
              <dd className="mono">{commit}</dd>
            </>
          )}
          <dt>{t('madeWhen')}</dt>
          <dd>{when(checkpoint.createdAt)}</dd>
          <dt>{t('folder')}</dt>
          <dd className="row">
            <span className="mono">{checkpoint.directory}</span>
            <CopyButton text={() => checkpoint.directory} label={t('copyPath')} />
            {checkpoint.owned ? null : <span className="quiet">{t('checkpoint.own')}</span>}
          </dd>
        </dl>
      </section>
      <section className="card details-wide" aria-label={t('checkpoint.versions')}>
        {artifacts.length === 0 ? (
          <EmptyState
            icon={<Package aria-hidden />}
            title={t('checkpoint.noVersions')}
            actions={
              <LinkButton to={paths.get(checkpoint.id)} look="primary">
                {t('make')}
              </LinkButton>
            }
          >
            {t('checkpoint.noVersionsText')}
          </EmptyState>
        ) : (
          <table className="table">
            <caption className="details-caption">{t('checkpoint.versions')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('checkpoint.tableName')}</th>
                <th scope="col">{t('size')}</th>
                <th scope="col" className="number">
                  <Term name="bitsPerWeight" />
                </th>
                <th scope="col" className="number">
                  <Term name="sqnr" />
                </th>
                <th scope="col">{t('madeWhen')}</th>
              </tr>
            </thead>
            <tbody>
              {artifacts.map((artifact) => (
                <tr key={artifact.id}>
                  <td>
                    <span className="row">
                      <a href={`#${paths.details(artifact.id)}`}>{artifact.name}</a>
                      <SchemeBadge scheme={artifact.scheme} blockSize={artifact.blockSize} />
                    </span>
                  </td>
                  <td className="details-size">
                    {formatBytes(artifact.sizeBytes)}
                    <SizeBar scheme={artifact.scheme} bytes={artifact.sizeBytes} ofBytes={of16} />
                  </td>
                  <td className="number">{formatBits(artifact.totals.bitsPerWeight)}</td>
                  <td className="number">
                    {artifact.totals.sqnrDb !== null
                      ? formatDecibels(artifact.totals.sqnrDb)
                      : lossKind(artifact.totals) === 'unknown'
                        ? t('notMeasured')
                        : t('exact')}
                  </td>
                  <td>{when(artifact.createdAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </div>
  );
}
