import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function JobsView(): ReactNode {
  const { t } = useTranslation('jobs');
  return <View title={t('title')}>{null}</View>;
}
