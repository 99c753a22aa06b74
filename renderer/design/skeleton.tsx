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

/**
 * What stands where something will appear, skeletons as a rule. It has a role because only then may a block have a name,
 * and without the name nobody hears that there is something to wait for.
 */
export function Waiting({
  className,
  label,
  children,
}: {
  readonly className?: string;
  /** @default 'Loading' in the language of the app */
  readonly label?: string;
  readonly children: ReactNode;
}): ReactNode {
  const { t } = useTranslation();
  return (
    <div className={className} role="status" aria-busy="true" aria-label={label ?? t('loading')}>
      {children}
    </div>
  );
}

/** The shape of any view while its code is read. */
export function ViewSkeleton(): ReactNode {
  return (
    <Waiting className="view">
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
    </Waiting>
  );
}
