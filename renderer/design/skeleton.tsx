import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** A grey shape where something will appear. Sizes in pixels. */
export function Skeleton({
  width,
  height = 16,
}: {
  readonly width?: number | string;
  readonly height?: number;
}): ReactNode {
  return <div aria-hidden className="skeleton" style={{ width: width ?? '100%', height }} />;
}

/** The shape of any view while its code is read. */
export function ViewSkeleton(): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="view" role="status" aria-busy="true" aria-label={t('loading')}>
      <div className="view-toolbar">
        <Skeleton width={140} height={18} />
      </div>
      <div className="view-body">
        <div className="stack">
          <Skeleton height={96} />
          <Skeleton height={96} />
          <Skeleton height={96} />
        </div>
      </div>
    </div>
  );
}
