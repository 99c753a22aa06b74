import { Columns2, Info, MessageSquare } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { lossKind, storedWeightsBytes } from '../../app/contract/checkpoint.ts';
import { formatBits, formatBytes, formatDecibels, formatFixed } from '../texts/format.ts';
import type { LibraryArtifact } from '../../app/contract/library.ts';
import { LinkButton } from '../design/link-button.tsx';
import { QualityScale, SchemeBadge, SizeBar } from '../design/scheme.tsx';
import { Term } from '../design/tips.tsx';
import { paths } from '../frame/navigation.ts';

function Row({ entry: { artifact, evaluation } }: { readonly entry: LibraryArtifact }): ReactNode {
  const { t } = useTranslation('jobs');
  const { totals } = artifact;
  return (
    <tr>
      <th scope="row">
        <SchemeBadge scheme={artifact.scheme} blockSize={artifact.blockSize} />
      </th>
      <td className="artifact-size">
        <span className="row">
          <span className="grow">
            <SizeBar
              scheme={artifact.scheme}
              bytes={storedWeightsBytes(artifact)}
              ofBytes={artifact.sourceBytes}
            />
          </span>
          <span className="number">{formatBytes(storedWeightsBytes(artifact))}</span>
        </span>
      </td>
      <td className="number">{formatBits(totals.bitsPerWeight)}</td>
      <td className="number">
        {totals.sqnrDb !== null
          ? formatDecibels(totals.sqnrDb)
          : lossKind(totals) === 'unknown'
            ? t('notMeasured')
            : '–'}
      </td>
      <td>
        {evaluation === null ? (
          <span className="quiet">{t('notMeasured')}</span>
        ) : (
          <span className="row">
            <span className="number">{formatFixed(evaluation.perplexity, 2)}</span>
            {evaluation.meanKl === null ? null : (
              <QualityScale meanKl={evaluation.meanKl} scheme={artifact.scheme} />
            )}
          </span>
        )}
      </td>
      <td>
        <span className="row artifact-links">
          <LinkButton
            size="small"
            to={paths.chatWith(artifact.id)}
            label={t('chatWith', { name: artifact.name })}
          >
            <MessageSquare aria-hidden />
            {t('chat')}
          </LinkButton>
          <LinkButton
            size="small"
            look="plain"
            to={paths.details(artifact.id)}
            label={t('detailsOf', { name: artifact.name })}
          >
            <Info aria-hidden />
            {t('details')}
          </LinkButton>
        </span>
      </td>
    </tr>
  );
}

/** What was made: size against 16 bit, error, measured quality, and where to go from there. */
export function ArtifactTable({
  entries,
  compareWith = null,
}: {
  readonly entries: readonly LibraryArtifact[];
  /** Another artifact of the same checkpoint, so that a single new one has something to be compared with. */
  readonly compareWith?: string | null;
}): ReactNode {
  const { t } = useTranslation('jobs');
  const ids = entries.map(({ artifact }) => artifact.id);
  const compared = ids.length === 1 && compareWith !== null ? [...ids, compareWith] : ids;
  return (
    <div className="stack tight">
      <div className="artifact-scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('version')}</th>
              <th scope="col">{t('weights')}</th>
              <th scope="col" className="number">
                <Term name="bitsPerWeight" />
              </th>
              <th scope="col" className="number">
                <Term name="sqnr" />
              </th>
              <th scope="col">
                <Term name="perplexity" />
              </th>
              <td />
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <Row key={entry.artifact.id} entry={entry} />
            ))}
          </tbody>
        </table>
      </div>
      {compared.length < 2 ? null : (
        <div className="row">
          {/* Four columns are what the comparison shows at most. */}
          <LinkButton to={paths.compareOf(compared.slice(0, 4))}>
            <Columns2 aria-hidden />
            {t('compare')}
          </LinkButton>
        </div>
      )}
    </div>
  );
}
