import { useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../../design/copy-button.tsx';

/** A fenced piece of code with its language and a button that copies it. */
export function CodeBlock({
  language,
  children,
}: {
  readonly language: string | null;
  readonly children: ReactNode;
}): ReactNode {
  const { t } = useTranslation('chat');
  const code = useRef<HTMLPreElement>(null);
  return (
    <figure className="chat-code">
      <figcaption>
        <span>{language ?? t('code')}</span>
        <CopyButton
          label={t('copyCode')}
          text={() => (code.current?.textContent ?? '').replace(/\n$/, '')}
        />
      </figcaption>
      <pre ref={code} tabIndex={0} aria-label={language ?? t('code')} role="region">
        {children}
      </pre>
    </figure>
  );
}
