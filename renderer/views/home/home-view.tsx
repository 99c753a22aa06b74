import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function HomeView(): ReactNode {
  const { t } = useTranslation('home');
  return <View title={t('title')}>{null}</View>;
}
