import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError, type AppError } from '../../../app/contract/error.ts';
import type { Inspection } from '../../../app/contract/inspection.ts';
import type { SchemeName } from '../../../app/contract/scheme.ts';
import { engine } from '../../bridge.ts';
import { Button } from '../../design/button.tsx';
import { ErrorNote, Note } from '../../design/notes.tsx';
import { refreshJobs } from '../../state/jobs.ts';
import { useLibrary, useSettings } from '../../state/queries.ts';
import { Advanced } from './advanced.tsx';
import { DiskLine } from './disk-line.tsx';
import { requestFor, type Options } from './options.ts';
import { diskNeed, firstChoice, goFor, orderedSizes } from './plan.ts';
import { SchemeTable } from './scheme-table.tsx';
import { followJob } from './use-get.ts';

/** Schemes that were made of this model, by its repository and commit or by its id. */
function useMade(inspection: Inspection): readonly SchemeName[] {
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
    .filter(({ artifact }) => artifact.checkpointId === checkpoint?.id)
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
  const made = useMade(inspection);
  // Null until the person chooses: the defaults may come a moment later than this page.
  const [own, setOwn] = useState<readonly SchemeName[] | null>(null);
  const [options, setOptions] = useState<Options>({
    blockSize: null,
    name: '',
    threads: '',
    measure: settings.measureAfterMaking,
  });
  const { start, error, isStarting } = useStart(inspection.source);
  const chosen = own ?? firstChoice(settings.defaultSchemes, inspection.schemes, made);
  const go = goFor(chosen, inspection.directory !== null);
  const isTooLarge = inspection.schemes.some(
    ({ scheme, fits }) => fits === 'no' && chosen.includes(scheme),
  );
  const isSound = requestFor(inspection.source, chosen, options) !== null;
  return (
    <section className="card stack" aria-labelledby="get-plan">
      <div>
        <h2 id="get-plan">{t('plan.title')}</h2>
        <p className="quiet">{t('plan.hint')}</p>
      </div>
      {inspection.schemes.length === 0 ? null : (
        <SchemeTable
          sizes={orderedSizes(inspection.schemes)}
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
        <DiskLine need={diskNeed(inspection, chosen)} />
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
