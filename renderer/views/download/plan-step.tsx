import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError, type AppError } from '../../../app/contract/error.ts';
import {
  SAMPLE_SOURCE,
  type Inspection,
  type SchemeSize,
} from '../../../app/contract/inspection.ts';
import type { Library } from '../../../app/contract/library.ts';
import { keepsWeights, type SchemeName, type Schemes } from '../../../app/contract/scheme.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { ErrorNote } from '../../errors/error-note.tsx';
import { refreshJobs } from '../../state/jobs.ts';
import { useLibrary, useSettings, useSchemes } from '../../state/queries.ts';
import { Advanced } from './advanced.tsx';
import { DiskLine } from './disk-line.tsx';
import { requestFor, type Options } from './options.ts';
import { checkpointIn, diskNeed, firstChoice, goFor, orderedSizes, sizesFor } from './plan.ts';
import { SchemeTable } from './scheme-table.tsx';
import { followJob } from './use-download.ts';

/** Schemes that were made of this model, and whether files of one are damaged. One made without the copy of the output layer is not the same as one with it. */
function madeOf(
  library: Library | undefined,
  checkpointId: string | undefined,
  sizes: readonly SchemeSize[],
): ReadonlyMap<SchemeName, boolean> {
  const made = (library?.artifacts ?? []).filter(
    ({ artifact }) =>
      artifact.checkpointId === checkpointId &&
      sizes.some(
        (size) =>
          size.scheme === artifact.scheme &&
          size.outputLayerCopyBytes > 0 === (artifact.outputLayerCopy !== null),
      ),
  );
  return new Map(
    made.map(({ artifact, damagedFiles }) => [artifact.scheme, damagedFiles.length > 0] as const),
  );
}

/** Starts the job; what the engine refuses stays on the page. */
function useStart(
  source: string,
  schemes: Schemes,
): {
  readonly start: (chosen: readonly SchemeName[], options: Options) => void;
  readonly error: AppError | null;
  readonly isStarting: boolean;
} {
  const [error, setError] = useState<AppError | null>(null);
  const [isStarting, setStarting] = useState(false);
  const start = (chosen: readonly SchemeName[], options: Options): void => {
    const request = requestFor(source, chosen, options, schemes);
    if (request === null) return;
    setError(null);
    setStarting(true);
    engine
      .startJob({ request })
      .then(async (job) => {
        followJob(source, job.id);
        await refreshJobs();
      })
      .catch((failure: unknown) => {
        setError(toAppError(failure));
      })
      .finally(() => {
        setStarting(false);
      });
  };
  return { start, error, isStarting };
}

/** Step two: which versions, what they take, and the button that begins. */
export function PlanStep({ inspection }: { readonly inspection: Inspection }): ReactNode {
  const { t } = useTranslation('get');
  const settings = useSettings();
  const schemes = useSchemes();
  // Null until the person chooses: the defaults may come a moment later than this page.
  const [own, setOwn] = useState<readonly SchemeName[] | null>(null);
  const [options, setOptions] = useState<Options>({
    blockSize: null,
    outputLayerCopy: true,
    name: '',
    threads: '',
    measure: settings.measureAfterMaking,
  });
  const sizes = sizesFor(inspection.schemes, options.outputLayerCopy);
  const { data: library } = useLibrary();
  const checkpoint = checkpointIn(library, inspection);
  const made = madeOf(library, checkpoint?.id, sizes);
  // What is in the library is not downloaded again, however it was named.
  const known = {
    ...inspection,
    schemes: sizes,
    directory: inspection.directory ?? checkpoint?.directory ?? null,
  };
  const { start, error, isStarting } = useStart(inspection.source, schemes);
  const chosen = own ?? firstChoice(settings.defaultSchemes, inspection.schemes, [...made.keys()]);
  const go = goFor(chosen, known.directory !== null, schemes);
  const isTooLarge = sizes.some(({ scheme, fits }) => fits === 'no' && chosen.includes(scheme));
  const isSound = requestFor(inspection.source, chosen, options, schemes) !== null;
  // Nothing to make, and nothing to download: the card would only have a button that cannot be pressed.
  if (inspection.schemes.length === 0 && known.directory !== null) return null;
  return (
    <section className="card stack" aria-labelledby="get-plan">
      <div>
        <h2 id="get-plan">{t('plan.title')}</h2>
        <p className="quiet">{t('plan.hint')}</p>
      </div>
      {checkpoint === null || inspection.source === checkpoint.id ? null : (
        <Note>
          <p>{t('plan.inLibrary')}</p>
        </Note>
      )}
      {inspection.schemes.length === 0 ? null : (
        <SchemeTable
          sizes={orderedSizes(sizes, schemes)}
          fullBytes={
            inspection.schemes.find(({ scheme }) => keepsWeights(schemes, scheme))?.weightsBytes ??
            inspection.weightsBytes
          }
          chosen={chosen}
          made={made}
          onChange={setOwn}
        />
      )}
      {isTooLarge ? (
        <div role="status">
          <Note kind="warn">
            <p>{t('plan.tooLarge')}</p>
          </Note>
        </div>
      ) : null}
      {inspection.schemes.length === 0 ? null : (
        <Advanced chosen={chosen} options={options} onChange={setOptions} />
      )}
      {error === null ? null : <ErrorNote error={error} />}
      <div className="get-go stack tight">
        <DiskLine
          need={diskNeed(known, chosen, schemes)}
          isSample={inspection.source === SAMPLE_SOURCE}
        />
        <Button
          className="get-go-button"
          // What can only be kept is not what most people came for.
          look={inspection.schemes.length === 0 ? 'normal' : 'primary'}
          size="large"
          isDisabled={go === 'nothing' || isStarting || !isSound}
          onPress={() => {
            start(chosen, options);
          }}
        >
          {go === 'many' ? t('go.many', { count: chosen.length }) : t(`go.${go}`)}
        </Button>
      </div>
    </section>
  );
}
