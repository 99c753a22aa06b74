import {
  Columns2,
  Copy,
  FolderOpen,
  Gauge,
  Info,
  MessageSquare,
  Package,
  Pencil,
  ShieldCheck,
  Trash2,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { Menu, MenuItem, Popover, Separator, Text } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { nameOfRow, type LibraryRow } from './library-rows.ts';

export type RowAction =
  | 'chat'
  | 'details'
  | 'compare'
  | 'make'
  | 'verify'
  | 'measure'
  | 'reveal'
  | 'copyPath'
  | 'rename'
  | 'remove';

const icons: Readonly<Record<RowAction, ReactNode>> = {
  chat: <MessageSquare aria-hidden />,
  details: <Info aria-hidden />,
  compare: <Columns2 aria-hidden />,
  make: <Package aria-hidden />,
  verify: <ShieldCheck aria-hidden />,
  measure: <Gauge aria-hidden />,
  reveal: <FolderOpen aria-hidden />,
  copyPath: <Copy aria-hidden />,
  rename: <Pencil aria-hidden />,
  remove: <Trash2 aria-hidden />,
};
/** What cannot be done while the disk is away. */
const needsFiles: ReadonlySet<RowAction> = new Set([
  'chat',
  'compare',
  'make',
  'verify',
  'measure',
  'reveal',
]);

export interface RowMenuProps {
  readonly row: LibraryRow;
  /** The button that was pressed: the menu appears at it, and the focus goes back to it. */
  readonly button: HTMLElement;
  readonly canReveal: boolean;
  /** Kinds of work that go on with it already. */
  readonly busy: { readonly verify: boolean; readonly measure: boolean };
  readonly onClose: () => void;
  readonly onAction: (action: RowAction) => void;
}

/** Everything that can be done with one line of the library. One menu serves all rows. */
export function RowMenu(props: RowMenuProps): ReactNode {
  const { row, button, canReveal, busy, onClose, onAction } = props;
  const { t } = useTranslation('library');
  const available = row.kind === 'group' ? row.available : row.entry.available;
  const place: RowAction = canReveal ? 'reveal' : 'copyPath';
  const groups: readonly (readonly RowAction[])[] =
    row.kind === 'group'
      ? [['details', 'make'], ['verify', place, 'rename'], ['remove']]
      : [['chat', 'details', 'compare'], ['verify', 'measure', place, 'rename'], ['remove']];
  const words: Readonly<Record<RowAction, string>> = {
    chat: t('chat'),
    details: t('details'),
    compare: t('compareWith'),
    make: t('makeSmaller'),
    verify: t('verify'),
    measure: t('measure'),
    reveal: t('reveal'),
    copyPath: t('copyPath'),
    rename: t('rename'),
    remove: available ? t('remove') : t('takeOff'),
  };
  const disabled = (action: RowAction): boolean =>
    (!available && needsFiles.has(action)) ||
    (action === 'verify' && busy.verify) ||
    (action === 'measure' && busy.measure);
  return (
    <Popover
      className="popover"
      triggerRef={{ current: button }}
      isOpen
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      placement="bottom end"
    >
      <Menu
        className="menu"
        aria-label={t('more', { name: nameOfRow(row) })}
        autoFocus="first"
        onClose={onClose}
        onAction={(key) => {
          const action = groups.flat().find((candidate) => candidate === key);
          if (action !== undefined) onAction(action);
        }}
      >
        {groups.flatMap((group, index) => [
          ...(index === 0 ? [] : [<Separator key={`separator-${index}`} />]),
          ...group.map((action) => (
            <MenuItem
              key={action}
              id={action}
              textValue={words[action]}
              isDisabled={disabled(action)}
              className={`menu-item ${action === 'remove' ? 'danger' : ''}`}
            >
              {icons[action]}
              <span className="grow">
                <Text slot="label">{words[action]}</Text>
                {!available && needsFiles.has(action) && action !== 'reveal' ? (
                  <Text slot="description" className="description library-reason">
                    {t('offlineReason')}
                  </Text>
                ) : null}
              </span>
            </MenuItem>
          )),
        ])}
      </Menu>
    </Popover>
  );
}
