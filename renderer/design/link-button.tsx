import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';

export interface LinkButtonProps {
  /** A path of the app, e.g. `/library`. */
  readonly to: string;
  readonly children: ReactNode;
  readonly look?: 'normal' | 'primary' | 'plain';
  readonly size?: 'small' | 'normal' | 'large';
  readonly className?: string;
  /** Where the words alone do not say where it leads, e.g. in a list. Must contain the words. */
  readonly label?: string;
}

/** A link to a view that looks like a button. */
export function LinkButton({
  to,
  look = 'normal',
  size = 'normal',
  className,
  label,
  children,
}: LinkButtonProps): ReactNode {
  return (
    <Link
      href={`#${to}`}
      aria-label={label}
      className={`button ${look} ${size} ${className ?? ''}`}
    >
      {children}
    </Link>
  );
}
