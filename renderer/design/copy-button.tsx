import { Check, Copy } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from './button.tsx';

/** How long the check mark stays, in ms. */
const CONFIRM_MS = 1500;

/** Copies a text; shows that it did. */
export function CopyButton({
  text,
  label,
}: {
  readonly text: () => string;
  readonly label?: string;
}): ReactNode {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => {
      setCopied(false);
    }, CONFIRM_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [copied]);
  return (
    <IconButton
      size="small"
      label={copied ? t('copied') : (label ?? t('copy'))}
      onPress={() => {
        void navigator.clipboard.writeText(text()).then(() => {
          setCopied(true);
        });
      }}
    >
      {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
    </IconButton>
  );
}
