import { HardDrive } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import type { Library } from '../../../app/contract/library.ts';

/** What the library takes, in all and per folder. */
export function FolderStrip({ library }: { readonly library: Library }): ReactNode {
  const { t } = useTranslation('library');
  return (
    <section className="library-disk" aria-label={t('disk')}>
      <strong className="library-total">
        <HardDrive aria-hidden />
        {t('diskTotal', { size: formatBytes(library.totalBytes) })}
      </strong>
      <ul>
        {library.folders.map((folder) => (
          <li key={folder.id}>
            <span className="mono ellipsis library-path" title={folder.directory}>
              <bdi>{folder.directory}</bdi>
            </span>
            <span className="quiet">
              {t('folderUse', { used: formatBytes(folder.usedBytes) })}
              {folder.freeBytes === null
                ? null
                : ` · ${t('folderFree', { free: formatBytes(folder.freeBytes) })}`}
              {folder.isDefault && library.folders.length > 1 ? ` · ${t('folderDefault')}` : null}
            </span>
            {folder.available ? null : <span className="badge warn">{t('offline')}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
