import { Fragment, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../design/dialog.tsx';
import { useStore } from '../state/store.ts';
import { keyName } from './keys.ts';
import { overlay } from './shell-state.ts';

/** The list of shortcuts that `?` opens. */
export function Shortcuts(): ReactNode {
  const { t } = useTranslation();
  const open = useStore(overlay) === 'shortcuts';
  const list: readonly (readonly [string, string])[] = [
    [t('shortcuts.palette'), keyName('K')],
    [t('shortcuts.newChat'), keyName('N')],
    [t('shortcuts.views'), 'Alt 1 – 6'],
    [t('shortcuts.send'), keyName('Enter')],
    [t('shortcuts.stop'), 'Esc'],
    [t('shortcuts.help'), '?'],
  ];
  return (
    <Dialog
      title={t('shortcuts.title')}
      isOpen={open}
      onClose={() => {
        overlay.write(null);
      }}
    >
      <dl className="shortcut-list">
        {list.map(([what, keys]) => (
          <Fragment key={what}>
            <dt>{what}</dt>
            <dd>
              <kbd>{keys}</kbd>
            </dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>
  );
}
