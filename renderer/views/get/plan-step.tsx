import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError, type AppError } from '../../../app/contract/error.ts';
import type { Inspection, SchemeSize } from '../../../app/contract/inspection.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { ErrorNote } from '../../errors/error-note.tsx';
import { refreshJobs } from '../../state/jobs.ts';
import { useLibrary, useSettings } from '../../state/queries.ts';
import { Advanced } from './advanced.tsx';
import { DiskLine } from './disk-line.tsx';
import { requestFor, type Options } from './options.ts';
import { diskNeed, firstChoice, goFor, orderedSizes, sizesFor } from './plan.ts';
import { SchemeTable } from './scheme-table.tsx';
import { followJob } from './use-get.ts';

/**
 * Schemes that were made of this model, by its repository and commit or by its id. One made without the copy of the
 * output layer is not the same as one with it.
 */
function useMade(inspection: Inspection, sizes: readonly SchemeSize[]): readonly SchemeName[] {
  const { data: library } = useLibrary();
  const checkpoint = library?.checkpoints.find(
    (known) =>
      known.checkpoint.id === inspection.source ||
      (inspection.directory !== null && known.checkpoint.directory === inspection.directory) ||
      (inspection.commit !== null && known.checkpoint.origin.commit === inspection.commit) ||
      (inspection.commit === null &&
        inspection.repository !== null &&
        known.checkpoint.origin.repository === inspection.repository),
  )?.checkpoint;
  return (library?.artifacts ?? [])
    .filter(
      ({ artifact: { checkpointId, scheme, outputLayerCopy } }) =>
        checkpointId === checkpoint?.id &&
        sizes.some(
          (size) =>
            size.scheme === scheme && size.outputLayerCopyBytes > 0 === (outputLayerCopy !== null),
        ),
    )
    .map(({ artifact }) => artifact.scheme);
}

/** Starts the job; what the engine refuses stays on the page. */
function useStart(source: string): {
  readonly start: (chosen: readonly SchemeName[], options: Options) => void;
  readonly error: AppError | null;
  readonly isStarting: boolean;
} {
  const [error, setError] = useState<AppError | null>(null);
  const [isStarting, setStarting] = useState(false);
  const start = (chosen: readonly SchemeName[], options: Options): void => {
    const request = requestFor(source, chosen, options);
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
  const made = useMade(inspection, sizes);
  const { start, error, isStarting } = useStart(inspection.source);
  const chosen = own ?? firstChoice(settings.defaultSchemes, inspection.schemes, made);
  const go = goFor(chosen, inspection.directory !== null);
  const isTooLarge = sizes.some(({ scheme, fits }) => fits === 'no' && chosen.includes(scheme));
  const isSound = requestFor(inspection.source, chosen, options) !== null;
  return (
    <section className="card stack" aria-labelledby="get-plan">
      <div>
        <h2 id="get-plan">{t('plan.title')}</h2>
        <p className="quiet">{t('plan.hint')}</p>
      </div>
      {inspection.schemes.length === 0 ? null : (
        <SchemeTable
          sizes={orderedSizes(sizes)}
          fullBytes={
            inspection.schemes.find(({ scheme }) => scheme === 'bf16')?.weightsBytes ??
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
        <DiskLine need={diskNeed({ ...inspection, schemes: sizes }, chosen)} />
        <Button
          className="get-go-button"
          look="primary"
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
