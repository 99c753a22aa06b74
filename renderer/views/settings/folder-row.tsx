import { FolderOpen, HardDrive, Unplug } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { LibraryFolder } from '../../../app/contract/library.ts';
import { host } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { ConfirmDialog } from '../../design/dialog.tsx';
import { useAbout } from '../../state/queries.ts';

/** One folder of the library: where, how full, and what can be done with it. */
export function FolderRow({
  folder,
  onRemove,
  onMakeDefault,
}: {
  readonly folder: LibraryFolder;
  readonly onRemove: () => void;
  readonly onMakeDefault: () => void;
}): ReactNode {
  const { t } = useTranslation('settings');
  const { data: about } = useAbout();
  const [asks, setAsks] = useState(false);
  const { directory, available, isDefault, freeBytes, usedBytes } = folder;
  return (
    <li className="settings-row settings-folder">
      {available ? <HardDrive aria-hidden /> : <Unplug aria-hidden />}
      <div className="grow">
        <p className="mono settings-path">
          <bdi>{directory}</bdi>
        </p>
        <p className="row wrap quiet">
          {isDefault ? <span className="badge accent">{t('folders.default')}</span> : null}
          {available ? null : <span className="badge warn">{t('folders.offline')}</span>}
          <span>
            {t('folders.use', { used: formatBytes(usedBytes) })}
            {freeBytes === null ? null : (
              <> · {t('folders.free', { free: formatBytes(freeBytes) })}</>
            )}
          </span>
        </p>
      </div>
      <div className="row wrap settings-end">
        {about?.canReveal === true && available ? (
          <Button
            size="small"
            look="plain"
            aria-label={t('folders.revealNamed', { directory })}
            onPress={() => void host.reveal({ directory })}
          >
            <FolderOpen aria-hidden />
            {t('folders.reveal')}
          </Button>
        ) : null}
        {isDefault ? null : (
          <>
            <Button
              size="small"
              aria-label={t('folders.makeDefaultNamed', { directory })}
              isDisabled={!available}
              onPress={onMakeDefault}
            >
              {t('folders.makeDefault')}
            </Button>
            <Button
              size="small"
              look="plain"
              aria-label={t('folders.removeNamed', { directory })}
              onPress={() => {
                setAsks(true);
              }}
            >
              {t('folders.remove')}
            </Button>
          </>
        )}
      </div>
      <ConfirmDialog
        title={t('folders.removeTitle')}
        isOpen={asks}
        onClose={() => {
          setAsks(false);
        }}
        action={t('folders.remove')}
        onConfirm={onRemove}
      >
        <p className="settings-path">
          {t('folders.removeHint', { directory, size: formatBytes(usedBytes) })}
        </p>
      </ConfirmDialog>
    </li>
  );
}
