import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** Beside the name of a model whose files are known to be damaged, wherever one is listed. */
export function DamageMark(): ReactNode {
  const { t } = useTranslation();
  return (
    <span className="model-status danger" title={t('damaged')}>
      <TriangleAlert role="img" aria-label={t('damaged')} />
    </span>
  );
}
