import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';

export interface DialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly isWide?: boolean;
  /** For what must be answered: a click beside it does not close it. */
  readonly isAlert?: boolean;
}

/** A dialog over the page. Esc closes it, and focus goes back to where it was. */
export function Dialog({
  title,
  isOpen,
  onClose,
  children,
  isWide = false,
  isAlert = false,
}: DialogProps): ReactNode {
  return (
    <ModalOverlay
      className="backdrop"
      isOpen={isOpen}
      isDismissable={!isAlert}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Modal className={`modal ${isWide ? 'wide' : ''}`}>
        <AriaDialog className="dialog" role={isAlert ? 'alertdialog' : 'dialog'}>
          <Heading slot="title" className="dialog-title">
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

export interface ConfirmDialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** What is lost and what is won. */
  readonly children: ReactNode;
  /** The verb, e.g. 'Move to trash'. */
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly onConfirm: () => void;
}

/** Asks before something is lost. The safe button has the focus. */
export function ConfirmDialog({
  action,
  isDangerous = true,
  onConfirm,
  onClose,
  children,
  ...rest
}: ConfirmDialogProps): ReactNode {
  const { t } = useTranslation();
  return (
    <Dialog {...rest} onClose={onClose} isAlert>
      {children}
      <div className="dialog-actions">
        <Button autoFocus onPress={onClose}>
          {t('cancel')}
        </Button>
        <Button
          look={isDangerous ? 'danger' : 'primary'}
          onPress={() => {
            onClose();
            onConfirm();
          }}
        >
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
