import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { Select, Switch } from '../../design/choices.tsx';
import { Disclosure } from '../../design/disclosure.tsx';
import { TextField } from '../../design/fields.tsx';
import { Term } from '../../design/tips.tsx';
import { MAX_THREADS, readThreads, type Options } from './options.ts';
import { commonBlockSizes } from './plan.ts';
import { formatWhole } from '../../texts/format.ts';
import { useSchemes } from '../../state/queries.ts';

/** Longest name that the engine takes. */
const MAX_NAME = 200;

/** What most people leave as it is. */
export function Advanced({
  chosen,
  options,
  onChange,
}: {
  readonly chosen: readonly SchemeName[];
  readonly options: Options;
  readonly onChange: (options: Options) => void;
}): ReactNode {
  const { t } = useTranslation('get');
  const sizes = commonBlockSizes(chosen, useSchemes());
  const set = (change: Partial<Options>): void => {
    onChange({ ...options, ...change });
  };
  const usual = sizes[0];
  const isKnown = options.blockSize !== null && sizes.includes(options.blockSize);
  const words = (size: number): string =>
    size === 0 ? t('advanced.blockSizeRow') : formatWhole(size);
  return (
    <Disclosure title={t('advanced.title')}>
      <div className="get-advanced">
        <div className="stack tight">
          <Select
            label={t('advanced.blockSize')}
            isDisabled={usual === undefined}
            value={isKnown ? String(options.blockSize) : 'usual'}
            onChange={(value) => {
              set({ blockSize: value === 'usual' ? null : Number(value) });
            }}
            choices={[
              {
                id: 'usual',
                label: t('advanced.blockSizeUsual', {
                  size: usual === undefined ? '–' : words(usual),
                }),
              },
              ...sizes.map((size) => ({ id: String(size), label: words(size) })),
            ]}
          />
          <p className="field-hint get-hint">
            {usual === undefined && chosen.length > 0 ? (
              t('advanced.blockSizeNone')
            ) : (
              <>
                <Term name="blockSize" />. {t('advanced.blockSizeHint')}
              </>
            )}
          </p>
        </div>
        <TextField
          label={t('advanced.name')}
          value={options.name}
          onChange={(name) => {
            set({ name });
          }}
          maxLength={MAX_NAME}
          isDisabled={chosen.length !== 1}
          hint={t(chosen.length > 1 ? 'advanced.nameMany' : 'advanced.nameHint')}
        />
        <TextField
          label={t('advanced.threads')}
          value={options.threads}
          onChange={(threads) => {
            set({ threads });
          }}
          hint={t('advanced.threadsHint')}
          error={
            readThreads(options.threads) === 'invalid'
              ? t('advanced.threadsInvalid', { max: MAX_THREADS })
              : null
          }
        />
        <div className="stack tight">
          <Switch
            isSelected={options.outputLayerCopy}
            onChange={(outputLayerCopy) => {
              set({ outputLayerCopy });
            }}
          >
            {t('advanced.outputLayerCopy')}
          </Switch>
          <p className="field-hint get-hint">
            <Term name="outputLayer" />. {t('advanced.outputLayerCopyHint')}
          </p>
        </div>
        <div className="stack tight">
          <Switch
            isSelected={options.measure}
            onChange={(measure) => {
              set({ measure });
            }}
          >
            {t('advanced.measure')}
          </Switch>
          <p className="field-hint get-hint">
            <Term name="perplexity" />. {t('advanced.measureHint')}
          </p>
        </div>
      </div>
    </Disclosure>
  );
}
