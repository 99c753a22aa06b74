import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Library } from '../../../app/contract/library.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { toast } from '../../design/toasts.tsx';
import { errorText } from '../../errors/error-words.ts';
import { queryClient, queryKeys } from '../../state/queries.ts';
import { formatBytes } from '../../texts/format.ts';

/** Folders in the library's places that hold a whole model which nothing lists: each can be added with one press. */
export function WholeModels({
  unfinished,
}: {
  readonly unfinished: Library['unfinished'];
}): ReactNode {
  const { t } = useTranslation('library');
  const [adding, setAdding] = useState<string | null>(null);
  const whole = unfinished.flatMap(({ name, sizeBytes, wholeModel }) =>
    wholeModel === undefined ? [] : [{ name, sizeBytes, directory: wholeModel }],
  );
  if (whole.length === 0) return null;
  const add = async (directory: string): Promise<void> => {
    setAdding(directory);
    try {
      const added = await engine.add({ path: directory });
      const { name } = added.kind === 'artifact' ? added.artifact : added.checkpoint;
      toast({ look: 'good', text: t('wholeAdded', { name }) });
    } catch (error) {
      toast({ look: 'danger', text: errorText(error) });
    }
    setAdding(null);
    await queryClient.invalidateQueries({ queryKey: queryKeys.library });
  };
  return (
    <div className="library-note">
      <Note>
        <strong>{t('whole', { count: whole.length })}</strong>
        <p className="quiet">{t('wholeHint')}</p>
        <ul className="library-unreadable">
          {whole.map(({ name, sizeBytes, directory }) => (
            <li key={directory} className="row">
              <span className="grow ellipsis" title={directory}>
                {name}
              </span>
              <span className="quiet number">{formatBytes(sizeBytes)}</span>
              <Button
                size="small"
                aria-label={t('wholeAddNamed', { name })}
                isDisabled={adding !== null}
                onPress={() => void add(directory)}
              >
                {t('wholeAdd')}
              </Button>
            </li>
          ))}
        </ul>
      </Note>
    </div>
  );
}
