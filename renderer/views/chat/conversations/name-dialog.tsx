import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../../design/button.tsx';
import { Dialog } from '../../../design/dialog.tsx';
import { TextField } from '../../../design/fields.tsx';

/** Longest title that the engine takes. */
const MOST_LETTERS = 300;

/** Asks for a name. */
export function NameDialog({
  title,
  label,
  initial,
  hintFor,
  onClose,
  onSave,
  maxLength = MOST_LETTERS,
}: {
  readonly title: string;
  readonly label: string;
  readonly initial: string;
  /** Something to know about a name before it is saved. */
  readonly hintFor?: (name: string) => string | undefined;
  readonly onClose: () => void;
  readonly onSave: (name: string) => void;
  readonly maxLength?: number;
}): ReactNode {
  const { t } = useTranslation();
  const [name, setName] = useState(initial);
  const clean = name.trim();
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (clean === '') return;
          onClose();
          onSave(clean);
        }}
      >
        <TextField
          label={label}
          value={name}
          onChange={setName}
          maxLength={maxLength}
          hint={hintFor?.(clean)}
          autoFocus
        />
        <div className="dialog-actions">
          <Button onPress={onClose}>{t('cancel')}</Button>
          <Button look="primary" type="submit" isDisabled={clean === ''}>
            {t('save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
