import { lossKind } from '../../../app/contract/checkpoint.ts';
import { Ellipsis, Info, MessageSquare } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import {
  formatBits,
  formatBytes,
  formatCount,
  formatDecibels,
  formatPercent,
  formatPerplexity,
} from '../../texts/format.ts';
import { keepsWeights } from '../../../app/contract/scheme.ts';
import { GridCell } from '../../design/grid.tsx';
import { ModelStatus } from '../../design/model-status.tsx';
import { useBitsClass, QualityScale, useSchemeTexts } from '../../design/scheme.tsx';
import { paths } from '../../frame/navigation.ts';
import type { ModelWork } from '../../state/model-work.ts';
import { useWhen } from '../../texts/date-time.ts';
import type { ArtifactRow, GroupRow, LibraryRow } from './library-rows.ts';
import { useSchemes } from '../../state/queries.ts';

export interface CellActions {
  readonly toggle: (row: LibraryRow) => void;
  readonly chat: (id: string) => void;
  /** Opens the menu of a row at the button that was pressed. */
  readonly openMenu: (row: LibraryRow, button: HTMLElement) => void;
}

interface CellProps<R> {
  readonly row: R;
  readonly work: ModelWork | undefined;
  readonly isActive: boolean;
  readonly actions: CellActions;
}

// Plain elements: a row must be drawn within a millisecond to keep up with the wheel.

function MoreButton({
  row,
  name,
  tab,
  actions,
}: {
  readonly row: LibraryRow;
  readonly name: string;
  readonly tab: number;
  readonly actions: CellActions;
}): ReactNode {
  const { t } = useTranslation('library');
  return (
    <button
      type="button"
      className="button icon plain small"
      tabIndex={tab}
      aria-haspopup="menu"
      aria-label={t('more', { name })}
      onClick={(event) => {
        actions.openMenu(row, event.currentTarget);
      }}
    >
      <Ellipsis aria-hidden />
    </button>
  );
}

/** The line of a checkpoint above its artifacts. */
export function GroupCells({ row, work, isActive, actions }: CellProps<GroupRow>): ReactNode {
  const { t } = useTranslation('library');
  const { checkpoint, name, available } = row;
  const tab = isActive ? 0 : -1;
  return (
    <>
      <GridCell isHeader span={6} className="library-group-name">
        {checkpoint === null ? (
          <strong className="ellipsis">{name}</strong>
        ) : (
          <a className="ellipsis" href={`#${paths.details(checkpoint.id)}`} tabIndex={tab}>
            {name}
          </a>
        )}
        {checkpoint === null ? (
          <span className="badge">
            {row.artifacts.every(({ artifact }) => artifact.quantizeMs === null)
              ? t('madeElsewhere')
              : t('removedCheckpoint')}
          </span>
        ) : null}
        {available ? null : <span className="badge warn">{t('offline')}</span>}
        {checkpoint === null ? null : (
          <span className="quiet ellipsis">
            {[
              formatBytes(checkpoint.sizeBytes),
              t('parameters', { amount: formatCount(checkpoint.parameters) }),
              ...(checkpoint.license === null ? [] : [checkpoint.license]),
              ...(checkpoint.owned ? [] : [t('ownFolder')]),
              ...(row.artifacts.length === 0 ? [t('noArtifacts')] : []),
            ].join(' · ')}
          </span>
        )}
        <span className="library-status">
          <ModelStatus work={work} />
        </span>
      </GridCell>
      <GridCell className="library-actions">
        {checkpoint === null ? null : (
          <MoreButton row={row} name={name} tab={tab} actions={actions} />
        )}
      </GridCell>
    </>
  );
}

/** The line of an artifact. */
export function ArtifactCells({
  row,
  work,
  isActive,
  isSelected,
  actions,
}: CellProps<ArtifactRow> & { readonly isSelected: boolean }): ReactNode {
  const bitsClass = useBitsClass();
  const { t } = useTranslation('library');
  const when = useWhen();
  const schemeTexts = useSchemeTexts();
  const schemes = useSchemes();
  const { artifact, available, evaluation } = row.entry;
  const { name, scheme, totals } = artifact;
  const tab = isActive ? 0 : -1;
  const share = row.ofBytes > 0 ? artifact.sizeBytes / row.ofBytes : 1;
  return (
    <>
      <GridCell>
        <input
          type="checkbox"
          className="library-check"
          tabIndex={tab}
          checked={isSelected}
          aria-label={t('select', { name })}
          onChange={() => {
            actions.toggle(row);
          }}
        />
      </GridCell>
      <GridCell isHeader>
        <span className="row library-name">
          <a className="ellipsis" href={`#${paths.details(artifact.id)}`} tabIndex={tab}>
            {name}
          </a>
          <span className={`badge scheme-badge ${bitsClass(scheme)}`}>
            {schemeTexts(scheme).label}
          </span>
          {available ? null : <span className="badge warn">{t('offline')}</span>}
        </span>
        <span className="library-second">
          {when(artifact.createdAt)}
          <ModelStatus work={work} />
        </span>
      </GridCell>
      <GridCell className={bitsClass(scheme)}>
        <span className="size-bar" aria-hidden>
          <span style={{ width: `${Math.min(1, share) * 100}%` }} />
        </span>
        <span className="library-second">
          <span className="library-size">{formatBytes(artifact.sizeBytes)}</span>
          {keepsWeights(schemes, scheme)
            ? null
            : t('ofSixteen', { share: formatPercent(share, 0) })}
        </span>
      </GridCell>
      <GridCell isNumber>{formatBits(totals.bitsPerWeight)}</GridCell>
      <GridCell isNumber>
        {totals.sqnrDb !== null ? (
          formatDecibels(totals.sqnrDb)
        ) : lossKind(totals) === 'unknown' ? (
          <span className="quiet">{t('notMeasured')}</span>
        ) : (
          '–'
        )}
      </GridCell>
      <GridCell>
        {evaluation === null ? (
          <span className="quiet">{t('notMeasured')}</span>
        ) : (
          <>
            {formatPerplexity(evaluation.perplexity, evaluation.perplexityError)}
            {evaluation.meanKl === null ? null : (
              <span className="library-quality">
                <QualityScale meanKl={evaluation.meanKl} scheme={scheme} />
              </span>
            )}
          </>
        )}
      </GridCell>
      <GridCell className="library-actions">
        <button
          type="button"
          className="button icon plain small"
          tabIndex={tab}
          disabled={!available}
          aria-label={t('chatWith', { name })}
          title={available ? t('chat') : t('offlineReason')}
          onClick={() => {
            actions.chat(artifact.id);
          }}
        >
          <MessageSquare aria-hidden />
        </button>
        <a
          className="button icon plain small"
          tabIndex={tab}
          href={`#${paths.details(artifact.id)}`}
          aria-label={t('detailsOf', { name })}
          title={t('details')}
        >
          <Info aria-hidden />
        </a>
        <MoreButton row={row} name={name} tab={tab} actions={actions} />
      </GridCell>
    </>
  );
}
