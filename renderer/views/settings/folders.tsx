import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { host } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { TextField } from '../../design/fields.tsx';
import { ErrorNote, FailureNote } from '../../errors/error-note.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import { toast } from '../../design/toasts.tsx';
import { useAbout, useLibrary } from '../../state/queries.ts';
import { FolderRow } from './folder-row.tsx';
import { Section } from './setting-row.tsx';
import { useFolders } from './use-folders.ts';

/** Where focus goes when a row has gone. */
function focusSection(): void {
  document.getElementById('settings-folders')?.focus();
}

function AddFolder({
  onAdd,
  isBusy,
}: {
  readonly onAdd: (directory: string) => Promise<boolean>;
  readonly isBusy: boolean;
}): ReactNode {
  const { t } = useTranslation('settings');
  const { data: about } = useAbout();
  const [directory, setDirectory] = useState('');
  const add = (chosen: string): void => {
    if (chosen.trim() === '') return;
    void onAdd(chosen.trim()).then((added) => {
      if (added) setDirectory('');
    });
  };
  if (about?.canChooseFolder === true)
    return (
      <div className="settings-row">
        <Button
          isDisabled={isBusy}
          onPress={() => {
            void host.chooseFolder({ title: t('folders.add') }).then((chosen) => {
              add(chosen.directory ?? '');
            });
          }}
        >
          {t('folders.add')}
        </Button>
      </div>
    );
  return (
    <form
      className="settings-row"
      onSubmit={(event) => {
        event.preventDefault();
        add(directory);
      }}
    >
      <TextField
        label={t('folders.path')}
        hideLabel
        placeholder={t('folders.path')}
        value={directory}
        onChange={setDirectory}
        className="grow"
      />
      <Button type="submit" isDisabled={isBusy || directory.trim() === ''}>
        {t('folders.add')}
      </Button>
    </form>
  );
}

export function Folders(): ReactNode {
  const { t } = useTranslation(['settings', 'common']);
  const { data: library, error: failure, refetch } = useLibrary();
  const { add, remove, makeDefault, error, isBusy } = useFolders();
  return (
    <Section id="folders" title={t('folders.title')} hint={t('folders.hint')}>
      {failure !== null ? (
        <FailureNote
          failure={failure}
          actions={<Button onPress={() => void refetch()}>{t('common:retry')}</Button>}
        />
      ) : library === undefined ? (
        <div className="settings-row">
          <Skeleton height={36} />
        </div>
      ) : (
        <ul>
          {library.folders.map((folder) => (
            <FolderRow
              key={folder.id}
              folder={folder}
              onRemove={() => void remove(folder.id).then(focusSection)}
              onMakeDefault={() => void makeDefault(folder.id).then(focusSection)}
            />
          ))}
        </ul>
      )}
      <AddFolder
        isBusy={isBusy}
        onAdd={async (directory) => {
          const found = await add(directory);
          if (found !== null) toast({ text: t('folders.added', { count: found }), look: 'good' });
          return found !== null;
        }}
      />
      {error === null ? null : (
        <div className="settings-row">
          <ErrorNote error={error} />
        </div>
      )}
    </Section>
  );
}
