import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  Text,
  UNSTABLE_Toast as AriaToast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { Button, IconButton } from './button.tsx';

export interface ToastMessage {
  readonly text: string;
  readonly look?: 'plain' | 'good' | 'danger';
  readonly action?: { readonly label: string; readonly onAction: () => void };
}

const queue = new ToastQueue<ToastMessage>({ maxVisibleToasts: 3 });

/** Time to read a line and reach its button, in ms: not under five seconds for people who use a screen reader. */
const SHOWN_MS = 8000;

/** Says something in passing. What must not be missed belongs into the view instead. */
export function toast(message: ToastMessage): void {
  queue.add(message, { timeout: SHOWN_MS });
}

/** Where toasts appear; F6 reaches it. */
export function Toasts(): ReactNode {
  const { t } = useTranslation();
  return (
    <ToastRegion queue={queue} className="toasts" aria-label={t('notifications')}>
      {({ toast: shown }) => (
        <AriaToast toast={shown} className={`toast ${shown.content.look ?? 'plain'}`}>
          <ToastContent className="grow">
            <Text slot="title">{shown.content.text}</Text>
          </ToastContent>
          {shown.content.action === undefined ? null : (
            <Button
              size="small"
              onPress={() => {
                shown.content.action?.onAction();
                queue.close(shown.key);
              }}
            >
              {shown.content.action.label}
            </Button>
          )}
          <IconButton slot="close" size="small" label={t('dismiss')}>
            <X aria-hidden />
          </IconButton>
        </AriaToast>
      )}
    </ToastRegion>
  );
}
