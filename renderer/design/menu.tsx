import { Ellipsis } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  Menu as AriaMenu,
  MenuItem,
  MenuTrigger,
  Popover,
  Separator,
} from 'react-aria-components';

export interface MenuAction {
  readonly id: string;
  readonly label: string;
  readonly icon?: ReactNode;
  readonly onAction: () => void;
  readonly isDisabled?: boolean;
  readonly isDangerous?: boolean;
  /** Keys that do the same. */
  readonly keys?: string;
}

export interface ActionMenuProps {
  /** What the button is called. */
  readonly label: string;
  /** The button's content; three dots where it is absent. */
  readonly children?: ReactNode;
  /** 'separator' draws a line. */
  readonly actions: readonly (MenuAction | 'separator')[];
  readonly look?: 'normal' | 'plain' | 'primary';
  readonly size?: 'small' | 'normal';
}

/** A button that opens a menu of actions. */
export function ActionMenu({
  label,
  children,
  actions,
  look = 'plain',
  size = 'normal',
}: ActionMenuProps): ReactNode {
  return (
    <MenuTrigger>
      <AriaButton
        aria-label={label}
        className={`button ${children === undefined ? 'icon' : ''} ${look} ${size}`}
      >
        {children ?? <Ellipsis aria-hidden />}
      </AriaButton>
      <Popover className="popover" placement="bottom end">
        <AriaMenu className="menu" aria-label={label}>
          {actions.map((action, index) =>
            action === 'separator' ? (
              <Separator key={`separator-${index}`} />
            ) : (
              <MenuItem
                key={action.id}
                id={action.id}
                className={`menu-item ${action.isDangerous === true ? 'danger' : ''}`}
                onAction={action.onAction}
                textValue={action.label}
                isDisabled={action.isDisabled}
              >
                {action.icon}
                {action.label}
                {action.keys === undefined ? null : <span className="end">{action.keys}</span>}
              </MenuItem>
            ),
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
