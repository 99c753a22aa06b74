import type { ReactNode, Ref } from 'react';
import {
  Button as AriaButton,
  Tooltip,
  TooltipTrigger,
  type PressEvent,
} from 'react-aria-components';

export interface ButtonProps {
  readonly children: ReactNode;
  readonly onPress?: ((event: PressEvent) => void) | undefined;
  /** @default 'normal' */
  readonly look?: 'normal' | 'primary' | 'danger' | 'plain';
  /** @default 'normal' */
  readonly size?: 'small' | 'normal' | 'large';
  readonly isDisabled?: boolean;
  readonly type?: 'button' | 'submit';
  readonly autoFocus?: boolean;
  readonly className?: string;
  readonly slot?: string;
  /** Where the words alone do not say what it acts on, e.g. in a list. Must contain the words. */
  readonly 'aria-label'?: string;
  readonly ref?: Ref<HTMLButtonElement>;
}

/** A button with words; `look` says how much it matters. One `primary` per view. */
export function Button({
  look = 'normal',
  size = 'normal',
  className,
  ...rest
}: ButtonProps): ReactNode {
  return <AriaButton {...rest} className={`button ${look} ${size} ${className ?? ''}`} />;
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'aria-label'> {
  /** The icon. */
  readonly children: ReactNode;
  /** What it does: read aloud and shown as a tip. */
  readonly label: string;
  /** Keys that do the same, shown in the tip. */
  readonly keys?: string;
}

/** A button with an icon alone. */
export function IconButton({
  label,
  keys,
  look = 'plain',
  size = 'normal',
  className,
  ...rest
}: IconButtonProps): ReactNode {
  return (
    <TooltipTrigger delay={500} closeDelay={0}>
      <AriaButton
        {...rest}
        aria-label={label}
        className={`button icon ${look} ${size} ${className ?? ''}`}
      />
      <Tooltip className="tooltip" offset={6}>
        {label}
        {keys === undefined ? null : <> ({keys})</>}
      </Tooltip>
    </TooltipTrigger>
  );
}
