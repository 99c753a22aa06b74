import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function CompareView(_props: { readonly comparisonId: number | null }): ReactNode {
  const { t } = useTranslation('compare');
  return <View title={t('title')}>{null}</View>;
}
