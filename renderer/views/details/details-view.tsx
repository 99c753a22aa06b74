import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function DetailsView(_props: {
  readonly id: string;
  readonly tab: string | null;
  readonly tensor: string | null;
}): ReactNode {
  const { t } = useTranslation('details');
  return <View title={t('title')}>{null}</View>;
}
