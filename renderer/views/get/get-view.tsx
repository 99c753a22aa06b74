import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function GetView(_props: { readonly source: string | null }): ReactNode {
  const { t } = useTranslation('get');
  return <View title={t('title')}>{null}</View>;
}
