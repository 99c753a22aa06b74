import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { Library } from '../../../app/contract/library.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { ConfirmDialog } from '../../design/dialog.tsx';
import { Disclosure } from '../../design/disclosure.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { toast } from '../../design/toasts.tsx';
import { paths } from '../../frame/navigation.ts';
import { queryClient, queryKeys } from '../../state/queries.ts';
import { errorText } from '../../errors/error-words.ts';

type Unfinished = Library['unfinished'][number];

/** What interrupted jobs left on the disk: to be resumed or discarded. */
export function UnfinishedList({
  unfinished: all,
  onGone,
}: {
  readonly unfinished: readonly Unfinished[];
  readonly onGone: () => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const [asked, setAsked] = useState<Unfinished | null>(null);
  // A whole model is nobody's job: `WholeModels` shows it.
  const unfinished = all.filter(({ wholeModel }) => wholeModel === undefined);
  if (unfinished.length === 0) return null;
  const size = formatBytes(unfinished.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const discard = async ({ name }: Unfinished): Promise<void> => {
    try {
      const { freedBytes } = await engine.discardUnfinished({ name });
      toast({ look: 'good', text: t('discarded', { size: formatBytes(freedBytes) }) });
    } catch (error) {
      toast({ look: 'danger', text: errorText(error) });
    }
    await queryClient.invalidateQueries({ queryKey: queryKeys.library });
    onGone();
  };
  return (
    <div className="library-unfinished">
      <Disclosure
        title={t('unfinished', { count: unfinished.length, size })}
        defaultExpanded={unfinished.length <= 2}
      >
        <ul>
          {unfinished.map((one) => (
            <li key={one.name} className="row">
              <span className="grow ellipsis">{one.name}</span>
              <span className="quiet number">{formatBytes(one.sizeBytes)}</span>
              <LinkButton to={paths.jobs} size="small" label={t('resumeNamed', { name: one.name })}>
                {t('resume')}
              </LinkButton>
              <Button
                size="small"
                aria-label={t('discardNamed', { name: one.name })}
                onPress={() => {
                  setAsked(one);
                }}
              >
                {t('discard')}
              </Button>
            </li>
          ))}
        </ul>
      </Disclosure>
      {asked === null ? null : (
        <ConfirmDialog
          isOpen
          title={t('discardTitle', { name: asked.name })}
          action={t('discardAction', { size: formatBytes(asked.sizeBytes) })}
          onClose={() => {
            setAsked(null);
          }}
          onConfirm={() => void discard(asked)}
        >
          <p>{t('discardText', { size: formatBytes(asked.sizeBytes) })}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
