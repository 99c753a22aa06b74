import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { View } from '../../design/view.tsx';

export function ChatView(_props: { readonly conversationId: number | null }): ReactNode {
  const { t } = useTranslation('chat');
  return <View title={t('title')}>{null}</View>;
}
