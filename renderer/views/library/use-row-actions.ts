import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Artifact } from '../../../app/contract/checkpoint.ts';
import type { Library, LibraryArtifact } from '../../../app/contract/library.ts';
import { host } from '../../bridge.ts';
import { toast } from '../../design/toasts.tsx';
import { paths } from '../../frame/navigation.ts';
import { startMeasure, startVerify } from '../../state/start-work.ts';
import type { LibraryRow } from './library-rows.ts';
import type { RowAction } from './row-menu.tsx';
import type { Doomed } from './use-removal.ts';
import { errorText } from '../../errors/error-words.ts';
import { keepsWeights, type Schemes } from '../../../app/contract/scheme.ts';
import { useSchemes } from '../../state/queries.ts';

/** Bytes that come free: a 16-bit artifact shares the weights with a download as long as that is there. */
function freed(library: Library, artifact: Artifact, schemes: Schemes): number {
  const shares =
    keepsWeights(schemes, artifact.scheme) &&
    library.checkpoints.some(
      ({ checkpoint }) => checkpoint.owned && checkpoint.id === artifact.checkpointId,
    );
  return shares ? Math.max(0, artifact.sizeBytes - artifact.weightsBytes) : artifact.sizeBytes;
}

/** What deleting an artifact would mean. */
export function doomedArtifact(
  library: Library,
  { artifact, available }: LibraryArtifact,
  schemes: Schemes,
): Doomed {
  return {
    id: artifact.id,
    name: artifact.name,
    frees: artifact.recordsDirectory === undefined ? freed(library, artifact, schemes) : 0,
    isCheckpoint: false,
    owned: artifact.recordsDirectory === undefined,
    available,
    directory: artifact.directory,
    artifacts: 0,
  };
}

function doomedRow(library: Library, row: LibraryRow, schemes: Schemes): Doomed | null {
  if (row.kind === 'artifact') return doomedArtifact(library, row.entry, schemes);
  const { checkpoint, available, artifacts } = row;
  if (checkpoint === null) return null;
  const { id, name, owned, directory } = checkpoint;
  // As long as a 16-bit artifact holds the same files, deleting the checkpoint frees next to nothing.
  const isShared = artifacts.some(({ artifact }) => keepsWeights(schemes, artifact.scheme));
  return {
    id,
    name,
    frees: isShared ? 0 : checkpoint.sizeBytes,
    isCheckpoint: true,
    owned,
    available,
    directory,
    artifacts: artifacts.length,
  };
}

export interface RowActions {
  readonly act: (row: LibraryRow, action: RowAction) => void;
  readonly renaming: { readonly id: string; readonly name: string } | null;
  readonly comparing: Artifact | null;
  readonly doomed: readonly Doomed[];
  readonly askToDelete: (doomed: readonly Doomed[]) => void;
  readonly close: () => void;
}

/** What the menu of a row does; the dialogs that it opens are told by the state returned. */
export function useRowActions(library: Library): RowActions {
  const { t } = useTranslation('library');
  const [, navigate] = useLocation();
  const [renaming, setRenaming] = useState<RowActions['renaming']>(null);
  const [comparing, setComparing] = useState<Artifact | null>(null);
  const [doomed, setDoomed] = useState<readonly Doomed[]>([]);
  const schemes = useSchemes();
  const act = (row: LibraryRow, action: RowAction): void => {
    const entry = row.kind === 'artifact' ? row.entry.artifact : row.checkpoint;
    if (entry === null) return;
    const { id, name, directory } = entry;
    switch (action) {
      case 'chat':
        navigate(paths.chatWith(id));
        return;
      case 'details':
        navigate(paths.details(id));
        return;
      case 'make':
        navigate(paths.get(id));
        return;
      case 'compare':
        if (row.kind === 'artifact') setComparing(row.entry.artifact);
        return;
      case 'verify':
        startVerify(id);
        return;
      case 'measure':
        if (row.kind === 'artifact') startMeasure(library, row.entry.artifact, schemes);
        return;
      case 'reveal':
        host.reveal({ directory }).catch((error: unknown) => {
          toast({ look: 'danger', text: errorText(error) });
        });
        return;
      case 'copyPath':
        void navigator.clipboard.writeText(directory).then(() => {
          toast({ text: t('pathCopied') });
        });
        return;
      case 'rename':
        setRenaming({ id, name });
        return;
      case 'remove': {
        const one = doomedRow(library, row, schemes);
        if (one !== null) setDoomed([one]);
      }
    }
  };
  return {
    act,
    renaming,
    comparing,
    doomed,
    askToDelete: setDoomed,
    close: () => {
      setRenaming(null);
      setComparing(null);
      setDoomed([]);
    },
  };
}
