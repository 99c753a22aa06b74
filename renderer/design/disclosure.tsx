import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  Disclosure as AriaDisclosure,
  DisclosurePanel,
  Heading,
} from 'react-aria-components';

/** Something folded away until it is asked for. */
export function Disclosure({
  title,
  children,
  defaultExpanded = false,
}: {
  readonly title: ReactNode;
  readonly children: ReactNode;
  readonly defaultExpanded?: boolean;
}): ReactNode {
  return (
    <AriaDisclosure defaultExpanded={defaultExpanded}>
      <Heading level={3}>
        <AriaButton slot="trigger" className="disclosure-button">
          <ChevronRight aria-hidden />
          {title}
        </AriaButton>
      </Heading>
      <DisclosurePanel className="disclosure-panel">{children}</DisclosurePanel>
    </AriaDisclosure>
  );
}
