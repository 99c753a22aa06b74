import type { ReactNode } from 'react';
import { Link } from 'react-aria-components';

export interface LinkButtonProps {
  /** A path of the app, e.g. `/library`. */
  readonly to: string;
  readonly children: ReactNode;
  readonly look?: 'normal' | 'primary' | 'plain';
  readonly size?: 'small' | 'normal' | 'large';
  readonly className?: string;
}

/** A link to a view that looks like a button. */
export function LinkButton({
  to,
  look = 'normal',
  size = 'normal',
  className,
  children,
}: LinkButtonProps): ReactNode {
  return (
    <Link href={`#${to}`} className={`button ${look} ${size} ${className ?? ''}`}>
      {children}
    </Link>
  );
}
