import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { Dialog } from '../../design/dialog.tsx';
import { TextField } from '../../design/fields.tsx';
import { useSetHubToken } from '../../state/hub-token.ts';
import { useAbout } from '../../state/queries.ts';
import { errorText } from '../../errors/error-words.ts';

/** Takes a hub token; it goes straight to the engine and is never shown again. */
export function TokenDialog({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}): ReactNode {
  const { t } = useTranslation(['get', 'common']);
  const [token, setToken] = useState('');
  const { mutate, error, isPending } = useSetHubToken();
  const { data: about } = useAbout();
  const close = (): void => {
    setToken('');
    onClose();
  };
  return (
    <Dialog title={t('token.title')} isOpen={isOpen} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') mutate(token.trim(), { onSuccess: close });
        }}
      >
        <TextField
          label={t('token.label')}
          type="password"
          value={token}
          onChange={setToken}
          hint={t(about?.host === 'web' ? 'token.hintFile' : 'token.hint')}
          error={error === null ? null : errorText(error)}
          autoFocus
        />
        <div className="dialog-actions">
          <Button onPress={close}>{t('common:cancel')}</Button>
          <Button look="primary" type="submit" isDisabled={token.trim() === '' || isPending}>
            {t('token.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
