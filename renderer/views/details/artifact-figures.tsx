import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import {
  lossKind,
  type Evaluation,
  type OutputLayerCopy,
} from '../../../app/contract/checkpoint.ts';
import {
  formatBits,
  formatBytes,
  formatDecibels,
  formatDuration,
  formatFigure,
  formatPercent,
  formatPerplexity,
} from '../../texts/format.ts';
import { CopyButton } from '../../design/copy-button.tsx';
import { useBitsClass, QualityScale, SchemeBadge, SizeBar } from '../../design/scheme.tsx';
import { Term } from '../../design/tips.tsx';
import { paths } from '../../frame/navigation.ts';
import { useWhen } from '../../texts/date-time.ts';
import type { ShownArtifact } from './use-details.ts';
import { keepsWeights } from '../../../app/contract/scheme.ts';
import { useSchemes } from '../../state/queries.ts';

/** The evaluation that the figures show: the newest one with a reference, else the newest; none with another cache. */
export function shownEvaluation(evaluations: readonly Evaluation[]): Evaluation | null {
  const usual = evaluations.filter(({ cacheType }) => cacheType === null);
  const newest = usual.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return newest.find(({ referenceId }) => referenceId !== null) ?? newest[0] ?? null;
}

function Figure({
  term,
  children,
  below,
}: {
  readonly term: ReactNode;
  readonly children: ReactNode;
  readonly below?: ReactNode;
}): ReactNode {
  return (
    <div className="details-figure">
      <dt>{term}</dt>
      <dd className="details-value">{children}</dd>
      {below === undefined ? null : <dd className="quiet">{below}</dd>}
    </div>
  );
}

/** What an artifact takes and what it lost, in one line of large numbers. */
export function ArtifactFigures({ shown }: { readonly shown: ShownArtifact }): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('details');
  const { artifact, evaluations } = shown;
  const { scheme, sizeBytes, totals } = artifact;
  const schemes = useSchemes();
  const of16 = Math.max(2 * totals.parameters, keepsWeights(schemes, scheme) ? sizeBytes : 0);
  const evaluation = shownEvaluation(evaluations);
  const unmeasured = <span className="quiet">{t('notMeasured')}</span>;
  return (
    <dl className={`details-figures ${bitsClass(scheme)}`}>
      <Figure
        term={t('size')}
        below={
          <>
            <SizeBar scheme={scheme} bytes={sizeBytes} ofBytes={of16} />
            {t('ofSixteen', { share: formatPercent(of16 > 0 ? sizeBytes / of16 : 1, 0) })}
          </>
        }
      >
        {formatBytes(sizeBytes)}
      </Figure>
      <Figure
        term={<Term name="bitsPerWeight" />}
        below={<SchemeBadge scheme={scheme} blockSize={artifact.blockSize} />}
      >
        {formatBits(totals.bitsPerWeight)}
      </Figure>
      <Figure
        term={<Term name="sqnr" />}
        below={
          totals.sqnrDb === null || totals.relativeError === null
            ? undefined
            : formatPercent(totals.relativeError, 2)
        }
      >
        {totals.sqnrDb !== null
          ? formatDecibels(totals.sqnrDb)
          : lossKind(totals) === 'unknown'
            ? unmeasured
            : t('exact')}
      </Figure>
      <Figure term={<Term name="perplexity" />} below={evaluation?.textName}>
        {evaluation === null
          ? unmeasured
          : formatPerplexity(evaluation.perplexity, evaluation.perplexityError)}
      </Figure>
      <Figure
        term={<Term name="kl" />}
        below={
          evaluation === null || evaluation.meanKl === null ? undefined : (
            <QualityScale meanKl={evaluation.meanKl} scheme={scheme} />
          )
        }
      >
        {evaluation === null || evaluation.meanKl === null
          ? unmeasured
          : t('evaluations.nats', { value: formatFigure(evaluation.meanKl) })}
      </Figure>
      <Figure term={<Term name="agreement" />}>
        {evaluation === null || evaluation.topAgreement === null
          ? unmeasured
          : formatPercent(evaluation.topAgreement)}
      </Figure>
    </dl>
  );
}

/** The 8-bit copy of the output layer: what it takes, which the size above counts, and what rounding cost. */
function OutputLayer({ copy }: { readonly copy: OutputLayerCopy | null }): ReactNode {
  const { t } = useTranslation('details');
  if (copy === null) return <span className="quiet">{t('outputLayer.none')}</span>;
  const { sqnrDb, relativeError } = copy;
  return (
    <>
      <span>{t('outputLayer.added', { size: formatBytes(copy.sizeBytes) })}</span>
      <span className="quiet">
        {sqnrDb === null
          ? t('outputLayer.exact')
          : t('outputLayer.error', {
              share: formatPercent(relativeError, 2),
              sqnr: formatDecibels(sqnrDb),
            })}
      </span>
    </>
  );
}

/** Where an artifact came from, and the fingerprint of its weights. */
export function ArtifactFacts({ shown }: { readonly shown: ShownArtifact }): ReactNode {
  const schemes = useSchemes();
  const { t } = useTranslation('details');
  const when = useWhen();
  const { artifact, checkpoint } = shown;
  const { repository = null, commit = null } = checkpoint?.origin ?? {};
  return (
    <dl className="details-facts">
      <div>
        <dt>
          <Term name="weightsHash" />
        </dt>
        <dd>
          <span className="mono ellipsis" title={artifact.weightsSha256}>
            {artifact.weightsSha256.slice(0, 16)}
          </span>
          <CopyButton text={() => artifact.weightsSha256} label={t('copyHash')} />
        </dd>
      </div>
      <div>
        <dt>{t('madeFrom')}</dt>
        <dd>
          {artifact.quantizeMs === null ? (
            <span className="quiet">{t('sourceUnknown')}</span>
          ) : checkpoint === null ? (
            <>
              <span className="ellipsis">{artifact.checkpointId}</span>
              <span className="badge">{t('checkpointGone')}</span>
            </>
          ) : (
            <a className="ellipsis" href={`#${paths.details(checkpoint.id)}`}>
              {repository ?? checkpoint.name}
            </a>
          )}
          {commit === null ? null : <span className="mono quiet">{commit.slice(0, 12)}</span>}
        </dd>
      </div>
      <div>
        <dt>{t('madeWhen')}</dt>
        <dd>
          {when(artifact.createdAt)},{' '}
          {artifact.quantizeMs === null
            ? t('madeElsewhere')
            : t('madeIn', { time: formatDuration(artifact.quantizeMs) })}
        </dd>
      </div>
      {keepsWeights(schemes, artifact.scheme) ? null : (
        <div>
          <dt>
            <Term name="outputLayer" />
          </dt>
          <dd>
            <OutputLayer copy={artifact.outputLayerCopy} />
          </dd>
        </div>
      )}
      <div>
        <dt>{t('folder')}</dt>
        <dd>
          <span className="mono ellipsis" title={artifact.directory}>
            {artifact.directory}
          </span>
          <CopyButton text={() => artifact.directory} label={t('copyPath')} />
          {artifact.recordsDirectory === undefined ? null : (
            <span className="quiet">{t('checkpoint.own')}</span>
          )}
        </dd>
      </div>
    </dl>
  );
}
