import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../../texts/format.ts';
import { SchemeBadge } from '../../../design/scheme.tsx';
import type { ColumnModel } from './column-model.ts';
import { HashLabel } from '../fingerprint-label.tsx';

/** Who speaks: name, scheme, size, and the hash of the very weights. */
export function ColumnHead({
  column,
  name,
  isReference,
}: {
  readonly column: ColumnModel;
  readonly name: string;
  readonly isReference: boolean;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { scheme, blockSize, weightsBytes, weightsSha256, entry } = column;
  return (
    <header className="compare-head">
      <h3 className="compare-name">{name}</h3>
      <div className="row wrap">
        {scheme === null ? null : <SchemeBadge scheme={scheme} blockSize={blockSize} />}
        {weightsBytes === null ? null : <span className="quiet">{formatBytes(weightsBytes)}</span>}
        {isReference ? <span className="badge">{t('column.reference')}</span> : null}
        {entry !== null && entry.damagedFiles.length > 0 ? (
          <span className="badge danger">{t('picker.damaged')}</span>
        ) : null}
        {entry === null ? <span className="badge warn">{t('column.deleted')}</span> : null}
      </div>
      {weightsSha256 === null ? null : <HashLabel sha256={weightsSha256} />}
    </header>
  );
}
