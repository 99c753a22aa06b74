import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { CopyButton } from '../../design/copy-button.tsx';

/** Digits that tell the weights of a library apart; the whole hash is one press away. */
const SHOWN_DIGITS = 8;

/** The hash of the weights that speak. */
export function HashLabel({ sha256 }: { readonly sha256: string }): ReactNode {
  const { t } = useTranslation('compare');
  const [isWhole, setWhole] = useState(false);
  return (
    <div className="row compare-hash">
      <Button
        look="plain"
        size="small"
        className="mono compare-hash-button"
        onPress={() => {
          setWhole(!isWhole);
        }}
      >
        <span className="hidden-visually">
          {isWhole ? t('column.hashShorten') : t('column.hashShow')}
        </span>
        {isWhole ? sha256 : sha256.slice(0, SHOWN_DIGITS)}
      </Button>
      <CopyButton text={() => sha256} label={t('column.hashCopy')} />
    </div>
  );
}
