import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { Library } from '../../../app/contract/library.ts';
import { Button } from '../../design/button.tsx';
import { Grid, type GridHandle, type RowKey } from '../../design/grid.tsx';
import { EmptyState } from '../../design/notes.tsx';
import { Term } from '../../design/tips.tsx';
import { paths } from '../../frame/navigation.ts';
import { useJobs } from '../../state/jobs.ts';
import { isBusy, workPerModel } from '../../state/model-work.ts';
import { useAbout, useSchemes } from '../../state/queries.ts';
import { CompareDialog } from './compare-dialog.tsx';
import { DeleteDialog, ForeverDialog } from './delete-dialogs.tsx';
import { FolderStrip } from './folder-strip.tsx';
import { ArtifactCells, GroupCells, type CellActions } from './library-cells.tsx';
import { LibraryFooter } from './library-footer.tsx';
import { LibraryTools } from './library-tools.tsx';
import { libraryRows, neighbourOf, noFilter, type LibraryRow } from './library-rows.ts';
import { RenameDialog } from './rename-dialog.tsx';
import { RowMenu } from './row-menu.tsx';
import { selectionKey } from './selection-keys.ts';
import { UnreadableNote } from './unreadable-note.tsx';
import { UnfinishedList } from './unfinished-list.tsx';
import { WholeModels } from './whole-models.tsx';
import { useLibraryFilter } from './use-library-filter.ts';
import { useRemoval, type Doomed } from './use-removal.ts';
import { doomedArtifact, useRowActions } from './use-row-actions.ts';

/** Heights of the lines in pixels: one line of words, and two. */
const GROUP_HEIGHT = 48;
const ARTIFACT_HEIGHT = 60;

const keyOf = (row: LibraryRow): string => row.key;
const heightOf = (row: LibraryRow): number =>
  row.kind === 'group' ? GROUP_HEIGHT : ARTIFACT_HEIGHT;
const classOf = (row: LibraryRow): string =>
  row.kind === 'group'
    ? 'library-group'
    : row.entry.available
      ? 'library-artifact'
      : 'library-artifact offline';
const idOf = (row: LibraryRow): string =>
  row.kind === 'artifact' ? row.entry.artifact.id : (row.checkpoint?.id ?? row.key);
const idsOf = (row: LibraryRow): readonly string[] =>
  row.kind === 'artifact'
    ? [row.entry.artifact.id]
    : row.artifacts.map(({ artifact }) => artifact.id);

/** The library when there is something in it. */
export function LibraryContent({ library }: { readonly library: Library }): ReactNode {
  const { t } = useTranslation('library');
  const [, navigate] = useLocation();
  const canReveal = useAbout().data?.canReveal === true;
  const jobs = useJobs();
  const work = useMemo(() => workPerModel(jobs ?? [], library), [jobs, library]);
  const [filter, changeFilter] = useLibraryFilter();
  const schemes = useSchemes();
  const rows = useMemo(() => libraryRows(library, filter, schemes), [library, filter, schemes]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const selected = library.artifacts.filter(({ artifact }) => chosen.has(artifact.id));
  const [menu, setMenu] = useState<{ row: LibraryRow; button: HTMLElement } | null>(null);
  const grid = useRef<GridHandle>(null);
  const next = useRef<string | null>(null);
  const { act, renaming, comparing, doomed, askToDelete, close } = useRowActions(library);
  const removal = useRemoval(() => {
    // The rows are drawn without the deleted ones first.
    requestAnimationFrame(() => grid.current?.focusRow(next.current));
  });
  // A dialog that was opened from a menu has nothing left to give the focus back to.
  const closeDialog = (): void => {
    close();
    removal.forget();
    requestAnimationFrame(() => requestAnimationFrame(() => grid.current?.focusRow(null)));
  };
  const remove = (gone: readonly Doomed[], forever: boolean): void => {
    const keys = new Set(
      gone.map(({ id, isCheckpoint }) => (isCheckpoint ? `checkpoint ${id}` : id)),
    );
    next.current = neighbourOf(rows, keys);
    void removal.remove(gone, forever);
  };

  const toggle = useCallback((row: LibraryRow) => {
    const ids = idsOf(row);
    setChosen((before) => {
      const after = new Set(before);
      const isOn = ids.every((id) => before.has(id));
      for (const id of ids)
        if (isOn) after.delete(id);
        else after.add(id);
      return after;
    });
  }, []);
  const actions = useMemo<CellActions>(
    () => ({
      toggle,
      chat: (id) => {
        navigate(paths.chatWith(id));
      },
      openMenu: (row, button) => {
        setMenu({ row, button });
      },
    }),
    [toggle, navigate],
  );
  const cells = useCallback(
    (row: LibraryRow, isActive: boolean): ReactNode => {
      const rest = { work: work.get(idOf(row)), isActive, actions };
      return row.kind === 'group' ? (
        <GroupCells row={row} {...rest} />
      ) : (
        <ArtifactCells row={row} isSelected={chosen.has(row.entry.artifact.id)} {...rest} />
      );
    },
    [work, actions, chosen],
  );
  const onKey = (row: LibraryRow, key: RowKey): void => {
    if (key === 'toggle') toggle(row);
    else act(row, key === 'open' ? 'details' : key);
  };
  useEffect(() => {
    const onSelectionKey = (event: KeyboardEvent): void => {
      const asked = selectionKey(event);
      if (asked === null) return;
      if (asked === 'all') {
        event.preventDefault();
        setChosen(new Set(rows.flatMap((row) => (row.kind === 'artifact' ? idsOf(row) : []))));
      } else setChosen(new Set());
    };
    window.addEventListener('keydown', onSelectionKey);
    return () => {
      window.removeEventListener('keydown', onSelectionKey);
    };
  }, [rows]);
  const menuWork = menu === null ? undefined : work.get(idOf(menu.row));
  const shownModels = rows.filter(({ kind }) => kind === 'artifact').length;

  return (
    <div className="library">
      <FolderStrip library={library} />
      <UnfinishedList
        unfinished={library.unfinished}
        onGone={() => {
          grid.current?.focusRow(null);
        }}
      />
      <WholeModels unfinished={library.unfinished} />
      <UnreadableNote entries={library.unreadable} />
      <LibraryTools filter={filter} onChange={changeFilter} />
      <Grid
        ref={grid}
        label={t('grid')}
        className="library-grid"
        columns={[
          { id: 'select', head: <span className="hidden-visually">{t('column.select')}</span> },
          { id: 'name', head: t('column.name') },
          { id: 'size', head: t('column.size') },
          { id: 'bits', head: <Term name="bitsPerWeight" />, isNumber: true },
          { id: 'sqnr', head: <Term name="sqnr" />, isNumber: true },
          { id: 'perplexity', head: <Term name="perplexity" /> },
          { id: 'actions', head: <span className="hidden-visually">{t('column.actions')}</span> },
        ]}
        rows={rows}
        rowKey={keyOf}
        rowHeight={heightOf}
        rowClass={classOf}
        isSelected={(row) =>
          row.kind === 'artifact' ? chosen.has(row.entry.artifact.id) : undefined
        }
        onKey={onKey}
        empty={
          <EmptyState
            icon={null}
            title={t('nothingFound')}
            actions={
              <Button
                onPress={() => {
                  changeFilter({ ...noFilter, sort: filter.sort, descending: filter.descending });
                }}
              >
                {t('clearFilters')}
              </Button>
            }
          >
            {t('nothingFoundHint')}
          </EmptyState>
        }
      >
        {cells}
      </Grid>
      <LibraryFooter
        selected={selected}
        shown={{
          models: shownModels,
          checkpoints: rows.length - shownModels,
          bytes: library.totalBytes,
        }}
        onCompare={() => {
          navigate(paths.compareOf(selected.map(({ artifact }) => artifact.id)));
        }}
        onDelete={() => {
          askToDelete(selected.map((entry) => doomedArtifact(library, entry, schemes)));
        }}
        onClear={() => {
          setChosen(new Set());
          grid.current?.focusRow(null);
        }}
      />
      {menu === null ? null : (
        <RowMenu
          row={menu.row}
          button={menu.button}
          canReveal={canReveal}
          busy={{ verify: isBusy(menuWork, 'verify'), measure: isBusy(menuWork, 'evaluate') }}
          onClose={() => {
            setMenu(null);
          }}
          onAction={(action) => {
            setMenu(null);
            act(menu.row, action);
          }}
        />
      )}
      {renaming === null ? null : <RenameDialog {...renaming} onClose={closeDialog} />}
      {comparing === null ? null : (
        <CompareDialog
          artifact={comparing}
          library={library}
          onClose={closeDialog}
          onCompare={(ids) => {
            navigate(paths.compareOf(ids));
          }}
        />
      )}
      <DeleteDialog
        doomed={doomed}
        onClose={closeDialog}
        onConfirm={() => {
          remove(doomed, false);
        }}
      />
      <ForeverDialog
        refused={removal.refused}
        onClose={closeDialog}
        onConfirm={(left) => {
          remove(left, true);
        }}
      />
    </div>
  );
}
