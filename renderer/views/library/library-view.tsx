import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function LibraryView(): ReactNode {
  const { t } = useTranslation('library');
  return <View title={t('title')}>{null}</View>;
}
