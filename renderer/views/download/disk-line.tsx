import { HardDrive } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../../texts/format.ts';
import { LinkButton } from '../../design/link-button.tsx';
import { Note } from '../../design/notes.tsx';
import { paths } from '../../frame/navigation.ts';
import { useDoctor, useLibrary } from '../../state/queries.ts';
import { diskVerdict, type DiskNeed } from './plan.ts';

/** Free bytes where new models go; null while or where that is unknown. */
function useFreeBytes(): number | null {
  const { data: library } = useLibrary();
  const { data: doctor } = useDoctor();
  const folder = library?.folders.find(({ isDefault }) => isDefault);
  return folder === undefined ? (doctor?.home.freeBytes ?? null) : folder.freeBytes;
}

/** What the choice takes of the disk, with a warning before it is too late. */
export function DiskLine({
  need,
  isSample,
}: {
  readonly need: DiskNeed;
  /** The sample comes with Nibble: it is copied, not downloaded. */
  readonly isSample: boolean;
}): ReactNode {
  const { t } = useTranslation('get');
  const freeBytes = useFreeBytes();
  const verdict = diskVerdict(need.totalBytes, freeBytes);
  const parts = [
    ...(need.downloadBytes === 0
      ? []
      : [t(isSample ? 'disk.copy' : 'disk.download', { size: formatBytes(need.downloadBytes) })]),
    ...(need.madeBytes === 0 ? [] : [t('disk.made', { size: formatBytes(need.madeBytes) })]),
  ].join(', ');
  return (
    <div className="stack tight">
      <p className="row get-disk">
        <HardDrive aria-hidden className="get-icon" />
        <span>
          {freeBytes === null
            ? t('disk.unknown')
            : t(need.totalBytes === 0 ? 'disk.free' : 'disk.need', {
                need: formatBytes(need.totalBytes),
                free: formatBytes(freeBytes),
              })}
          {need.totalBytes === 0 ? null : <span className="quiet"> · {parts}</span>}
        </span>
      </p>
      {freeBytes !== null && (verdict === 'short' || verdict === 'tight') ? (
        <div role="status">
          <Note
            kind="warn"
            actions={
              <>
                <LinkButton size="small" to={paths.library}>
                  {t('disk.library')}
                </LinkButton>
                <LinkButton size="small" to={paths.settings}>
                  {t('disk.folders')}
                </LinkButton>
              </>
            }
          >
            {verdict === 'short' ? (
              <>
                <strong>
                  {t('disk.short', { missing: formatBytes(need.totalBytes - freeBytes) })}
                </strong>
                <p>{t('disk.shortHint')}</p>
              </>
            ) : (
              <p>{t('disk.tight', { left: formatBytes(freeBytes - need.totalBytes) })}</p>
            )}
          </Note>
        </div>
      ) : null}
    </div>
  );
}
