import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import {
  memo,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from 'react';
import './css/grid.css';

export interface GridColumn {
  readonly id: string;
  readonly head: ReactNode;
  readonly isNumber?: boolean;
  readonly sort?: 'ascending' | 'descending' | undefined;
}
/** What a key press on a row asks for: Enter, Space, Delete, F2. */
export type RowKey = 'open' | 'toggle' | 'remove' | 'rename';

export interface GridHandle {
  /** Moves to a row; to its neighbour where it is not there any more. */
  readonly focusRow: (key: string | null) => void;
}

export interface GridProps<R> {
  readonly label: string;
  /** Gives `--grid-columns` and dresses the cells. */
  readonly className: string;
  readonly columns: readonly GridColumn[];
  readonly rows: readonly R[];
  readonly rowKey: (row: R) => string;
  /** In pixels. */
  readonly rowHeight: (row: R) => number;
  /** The cells of a row as `GridCell`; the same function while nothing changes. Controls are tabbable where active. */
  readonly children: (row: R, isActive: boolean) => ReactNode;
  readonly rowClass?: (row: R) => string;
  /** Undefined for rows that cannot be selected. */
  readonly isSelected?: (row: R) => boolean | undefined;
  readonly onKey: (row: R, key: RowKey) => void;
  /** Instead of rows where there are none. */
  readonly empty?: ReactNode;
  readonly ref?: Ref<GridHandle>;
}

/** Height of the line with the columns' names, in pixels; grid.css has the same. */
const HEAD = 36;
/** Rows drawn beyond the visible ones, so that a turn of the wheel finds them there. */
const OVERSCAN = 8;

export function GridCell({
  children,
  isNumber = false,
  isHeader = false,
  span,
  className = '',
}: {
  readonly children?: ReactNode;
  readonly isNumber?: boolean;
  readonly isHeader?: boolean;
  readonly span?: number;
  readonly className?: string;
}): ReactNode {
  return (
    <div
      role={isHeader ? 'rowheader' : 'gridcell'}
      aria-colspan={span}
      className={`grid-cell ${isNumber ? 'number' : ''} ${className}`}
    >
      {children}
    </div>
  );
}

interface RowProps<R> {
  readonly row: R;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly isActive: boolean;
  readonly isSelected: boolean | undefined;
  readonly className: string;
  readonly cells: (row: R, isActive: boolean) => ReactNode;
  readonly onFocus: (index: number) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLDivElement>, index: number) => void;
  readonly onDoubleClick: (index: number) => void;
}

function RowOf<R>(props: RowProps<R>): ReactNode {
  const { row, index, top, height, isActive, isSelected, className, cells } = props;
  return (
    <div
      role="row"
      data-index={index}
      // The line of the columns' names is the first.
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      tabIndex={isActive ? 0 : -1}
      className={`grid-row ${className} ${isSelected === true ? 'selected' : ''}`}
      style={{ height, transform: `translateY(${top}px)` }}
      onFocus={() => {
        props.onFocus(index);
      }}
      onKeyDown={(event) => {
        props.onKeyDown(event, index);
      }}
      onDoubleClick={() => {
        props.onDoubleClick(index);
      }}
    >
      {cells(row, isActive)}
    </div>
  );
}
const Row = memo(RowOf) as typeof RowOf;

/** Where a key moves to among `count` rows of which `page` are visible; null for other keys. */
export function movedTo(key: string, from: number, count: number, page: number): number | null {
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: from + 1,
    ArrowUp: from - 1,
    PageDown: from + page,
    PageUp: from - page,
    Home: 0,
    End: count - 1,
  };
  const to = moves[key];
  return to === undefined ? null : Math.max(0, Math.min(count - 1, to));
}

/**
 * A table of any length of which only the visible rows exist. Arrow keys move between rows, Enter opens, Space selects,
 * Delete asks, F2 renames; Tab goes through the controls of the row that has the focus.
 */
export function Grid<R>(props: GridProps<R>): ReactNode {
  const { label, className, columns, rows, rowKey, rowHeight, children, rowClass, onKey } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const wanted = useRef(false);
  const [active, setActive] = useState<{ key: string | null; index: number }>({
    key: null,
    index: 0,
  });
  const indexOf = useMemo(
    () => new Map(rows.map((row, index) => [rowKey(row), index])),
    [rows, rowKey],
  );
  const activeIndex =
    (active.key === null ? undefined : indexOf.get(active.key)) ??
    Math.max(0, Math.min(rows.length - 1, active.index));
  // A new function would have every row measured again with each turn of the wheel.
  const getItemKey = useCallback(
    (index: number) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
    [rows, rowKey],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => {
      const row = rows[index];
      return row === undefined ? 0 : rowHeight(row);
    },
    getItemKey,
    overscan: OVERSCAN,
    scrollMargin: HEAD,
    scrollPaddingStart: HEAD,
    // The row that has the focus exists even when it is scrolled away: focus must not be lost.
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      if (activeIndex >= range.count || shown.includes(activeIndex)) return shown;
      return [...shown, activeIndex].sort((a, b) => a - b);
    },
  });

  const focusIndex = (index: number): void => {
    const row = rows[index];
    if (row === undefined) return;
    wanted.current = true;
    setActive({ key: rowKey(row), index });
    virtual.scrollToIndex(index, { align: 'auto' });
  };
  useEffect(() => {
    if (!wanted.current) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${activeIndex}"]`);
    if (row === null || row === undefined) return;
    wanted.current = false;
    row.focus({ preventScroll: true });
  });
  useImperativeHandle(props.ref, () => ({
    focusRow: (key) => {
      focusIndex((key === null ? undefined : indexOf.get(key)) ?? activeIndex);
    },
  }));

  // Rows are drawn again only when something about them changes, so what they call must stay the same.
  const latest = useRef({ rows, rowKey, onKey, focusIndex });
  useEffect(() => {
    latest.current = { rows, rowKey, onKey, focusIndex };
  });
  const onFocus = useCallback((index: number) => {
    const row = latest.current.rows[index];
    if (row !== undefined) setActive({ key: latest.current.rowKey(row), index });
  }, []);
  const onDoubleClick = useCallback((index: number) => {
    const row = latest.current.rows[index];
    if (row !== undefined) latest.current.onKey(row, 'open');
  }, []);
  const onKeyDown = useCallback((event: KeyboardEvent<HTMLDivElement>, index: number) => {
    const { rows: now, onKey: tell, focusIndex: go } = latest.current;
    const row = now[index];
    if (
      row === undefined ||
      event.defaultPrevented ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return;
    const height = scroller.current?.clientHeight ?? 0;
    const page = Math.max(1, Math.floor((height - HEAD) / event.currentTarget.clientHeight) - 1);
    const to = movedTo(event.key, index, now.length, page);
    const isOnRow = event.target === event.currentTarget;
    if (to !== null) go(to);
    else if (isOnRow && event.key === 'Enter') tell(row, 'open');
    else if (isOnRow && event.key === ' ') tell(row, 'toggle');
    else if (isOnRow && event.key === 'Delete') tell(row, 'remove');
    else if (event.key === 'F2') tell(row, 'rename');
    else return;
    event.preventDefault();
  }, []);

  return (
    <div ref={scroller} className={`grid-scroll ${className}`}>
      <div role="grid" aria-label={label} aria-rowcount={rows.length + 1} className="grid">
        <div role="rowgroup" className="grid-head">
          <div role="row" aria-rowindex={1} className="grid-columns">
            {columns.map(({ id, head, isNumber, sort }) => (
              <div
                key={id}
                role="columnheader"
                aria-sort={sort}
                className={`grid-cell ${isNumber === true ? 'number' : ''}`}
              >
                {head}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return row === undefined ? null : (
              <Row
                key={item.key}
                row={row}
                index={item.index}
                top={item.start - HEAD}
                height={item.size}
                isActive={item.index === activeIndex}
                isSelected={props.isSelected?.(row)}
                className={rowClass?.(row) ?? ''}
                cells={children}
                onFocus={onFocus}
                onKeyDown={onKeyDown}
                onDoubleClick={onDoubleClick}
              />
            );
          })}
        </div>
      </div>
      {rows.length === 0 ? props.empty : null}
    </div>
  );
}
