import { CircleCheck, CircleX, TriangleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBits, formatBytes } from '../../texts/format.ts';
import type { SchemeSize } from '../../../app/contract/inspection.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { Checkbox } from '../../design/choices.tsx';
import { DamageMark } from '../../design/damage-mark.tsx';
import { SchemeBadge, SizeBar, useSchemeTexts } from '../../design/scheme.tsx';
import { Explained, Term } from '../../design/tips.tsx';
import { useDoctor } from '../../state/queries.ts';

/** Tokens of context that `inspect` counts where nothing else is asked. */
const COUNTED_CONTEXT = 4096;

const fitLooks = {
  yes: { icon: CircleCheck, look: 'good', words: 'plan.fitsYes' },
  tight: { icon: TriangleAlert, look: 'warn', words: 'plan.fitsTight' },
  no: { icon: CircleX, look: 'danger', words: 'plan.fitsNo' },
} as const satisfies Record<string, { icon: LucideIcon; look: string; words: string }>;

function Fit({ fits }: { readonly fits: SchemeSize['fits'] }): ReactNode {
  const { t } = useTranslation('get');
  const { icon: Icon, look, words } = fitLooks[fits];
  return (
    <span className={`badge ${look}`}>
      <Icon aria-hidden className="get-icon" />
      {t(words)}
    </span>
  );
}

/** All that would be written of weights. */
function bytesOf({ weightsBytes, outputLayerCopyBytes }: SchemeSize): number {
  return weightsBytes + outputLayerCopyBytes;
}

export interface SchemeTableProps {
  readonly sizes: readonly SchemeSize[];
  /** What the weights take at 16 bit: bars are drawn against it. Bytes. */
  readonly fullBytes: number;
  readonly chosen: readonly SchemeName[];
  /** What is in the library already, and whether its files are damaged. */
  readonly made: ReadonlyMap<SchemeName, boolean>;
  readonly onChange: (chosen: readonly SchemeName[]) => void;
}

/** Every scheme with its exact size, and whether it fits, to choose from. */
export function SchemeTable({
  sizes,
  fullBytes,
  chosen,
  made,
  onChange,
}: SchemeTableProps): ReactNode {
  const { t } = useTranslation('get');
  const texts = useSchemeTexts();
  const { data: doctor } = useDoctor();
  const copyBytes = Math.max(0, ...sizes.map((size) => size.outputLayerCopyBytes));
  return (
    <div className="get-table-scroll">
      <table className="table get-schemes" aria-label={t('plan.choose')}>
        <thead>
          <tr>
            <th scope="col">{t('plan.version')}</th>
            <th scope="col">
              {copyBytes === 0 ? (
                t('plan.size')
              ) : (
                <Explained text={t('plan.sizeHint', { size: formatBytes(copyBytes) })}>
                  {t('plan.size')}
                </Explained>
              )}
            </th>
            <th scope="col" className="number">
              <Term name="bitsPerWeight" />
            </th>
            <th scope="col" className="number">
              <Explained
                text={t('plan.fitsHint', {
                  tokens: COUNTED_CONTEXT,
                  memory: formatBytes(doctor?.memory.totalBytes ?? 0),
                })}
              >
                {t('plan.memory')}
              </Explained>
            </th>
            <th scope="col">{t('plan.fits')}</th>
          </tr>
        </thead>
        <tbody>
          {sizes.map((size) => {
            const isChosen = chosen.includes(size.scheme);
            return (
              <tr key={size.scheme} className={isChosen ? 'chosen' : ''}>
                <td>
                  <span className="row">
                    <Checkbox
                      label={texts(size.scheme).label}
                      isSelected={isChosen}
                      onChange={(selected) => {
                        onChange(
                          selected
                            ? [...chosen, size.scheme]
                            : chosen.filter((scheme) => scheme !== size.scheme),
                        );
                      }}
                    />
                    <SchemeBadge scheme={size.scheme} />
                    {made.has(size.scheme) ? (
                      <span className="quiet get-made">{t('plan.made')}</span>
                    ) : null}
                    {made.get(size.scheme) === true ? <DamageMark /> : null}
                  </span>
                </td>
                <td className="get-size">
                  <span className="row">
                    <span className="grow">
                      <SizeBar scheme={size.scheme} bytes={bytesOf(size)} ofBytes={fullBytes} />
                    </span>
                    <span className="number get-bytes">{formatBytes(bytesOf(size))}</span>
                  </span>
                </td>
                <td className="number">{formatBits(size.bitsPerWeight)}</td>
                <td className="number">{formatBytes(size.memoryBytes)}</td>
                <td>
                  <Fit fits={size.fits} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
