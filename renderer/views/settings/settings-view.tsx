import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function SettingsView(): ReactNode {
  const { t } = useTranslation('settings');
  return <View title={t('title')}>{null}</View>;
}
