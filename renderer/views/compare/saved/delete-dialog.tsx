import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from '../../../design/dialog.tsx';
import { toast } from '../../../design/toasts.tsx';
import { removeComparison } from './use-comparisons.ts';
import { errorText } from '../../../errors/error-words.ts';

/** Asks before a comparison and its votes are lost. */
export function DeleteDialog({
  comparison,
  onClose,
  onDeleted,
}: {
  /** Null: closed. */
  readonly comparison: {
    readonly id: number;
    readonly prompt: string;
    readonly votes: number;
  } | null;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}): ReactNode {
  const { t } = useTranslation('compare');
  const { t: common } = useTranslation();
  return (
    <ConfirmDialog
      title={t('remove.title')}
      isOpen={comparison !== null}
      onClose={onClose}
      action={common('remove')}
      onConfirm={() => {
        if (comparison === null) return;
        removeComparison(comparison.id).then(onDeleted, (error: unknown) => {
          toast({ text: errorText(error), look: 'danger' });
        });
      }}
    >
      <p>{t('remove.what', { prompt: comparison?.prompt ?? '' })}</p>
      <p className="quiet">{t('remove.votes', { count: comparison?.votes ?? 0 })}</p>
    </ConfirmDialog>
  );
}
