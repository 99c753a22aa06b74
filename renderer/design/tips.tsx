import type { ReactNode } from 'react';
import { Button as AriaButton, Tooltip, TooltipTrigger } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { en } from '../texts/en/index.ts';

export type TermName = keyof (typeof en)['schemes']['terms'];

/** A technical term with its one-sentence explanation one hover or Tab away. */
export function Term({
  name,
  children,
}: {
  readonly name: TermName;
  readonly children?: ReactNode;
}): ReactNode {
  const { t } = useTranslation('schemes');
  return (
    <Explained text={t(`terms.${name}.explanation`)}>
      {children ?? t(`terms.${name}.term`)}
    </Explained>
  );
}

/** Words with an explanation one hover or Tab away. */
export function Explained({
  text,
  children,
}: {
  readonly text: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <TooltipTrigger delay={250} closeDelay={0}>
      {/* Within a field it is none of the field's own buttons. */}
      <AriaButton slot={null} className="term">
        {children}
      </AriaButton>
      <Tooltip className="tooltip" offset={6}>
        {text}
      </Tooltip>
    </TooltipTrigger>
  );
}
