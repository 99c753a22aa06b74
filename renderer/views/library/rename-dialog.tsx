import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Dialog } from '../../design/dialog.tsx';
import { TextField } from '../../design/fields.tsx';
import { queryClient, queryKeys } from '../../state/queries.ts';
import { errorText } from '../../errors/error-words.ts';

/** The engine takes no longer names. */
const LONGEST = 200;

/** Gives a checkpoint or artifact another name. */
export function RenameDialog({
  id,
  name,
  onClose,
}: {
  readonly id: string;
  readonly name: string;
  readonly onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const { t: words } = useTranslation();
  const [draft, setDraft] = useState(name);
  const [error, setError] = useState<string | null>(null);
  const isSame = draft.trim() === '' || draft.trim() === name;
  const save = async (): Promise<void> => {
    if (isSame) return;
    try {
      await engine.rename({ id, name: draft.trim() });
      await queryClient.invalidateQueries({ queryKey: queryKeys.library });
      void queryClient.invalidateQueries({ queryKey: queryKeys.show(id) });
      onClose();
    } catch (thrown) {
      setError(errorText(thrown));
    }
  };
  return (
    <Dialog isOpen title={t('renameTitle', { name })} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TextField
          autoFocus
          label={t('renameLabel')}
          hint={t('renameHint')}
          value={draft}
          maxLength={LONGEST}
          error={error}
          onChange={setDraft}
        />
        <div className="dialog-actions">
          <Button onPress={onClose}>{words('cancel')}</Button>
          <Button look="primary" type="submit" isDisabled={isSame}>
            {words('rename')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
