import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { formatBytes, formatCount } from '../../texts/format.ts';
import type { Doctor } from '../../../app/contract/inspection.ts';
import { Button } from '../../design/button.tsx';
import { Note } from '../../design/notes.tsx';
import { FailureNote } from '../../errors/error-note.tsx';
import { Skeleton } from '../../design/skeleton.tsx';
import { useDoctor } from '../../state/queries.ts';
import { capacityOf, CONTEXT_TOKENS, placeOf, usualSizes } from './capacity.ts';

function Facts({ doctor }: { readonly doctor: Doctor }): ReactNode {
  const { t } = useTranslation('home');
  const { processor, memory, home, gpus } = doctor;
  return (
    <dl className="facts">
      <dt>{t('computer.processor')}</dt>
      <dd>
        {processor.model} · {t('computer.cores', { count: processor.cores })}
      </dd>
      <dt>{t('computer.memory')}</dt>
      <dd>
        {t('computer.memoryFree', {
          total: formatBytes(memory.totalBytes),
          free: formatBytes(memory.freeBytes),
        })}
      </dd>
      <dt>{t('computer.disk')}</dt>
      <dd>
        {home.freeBytes === null
          ? t('unknown', { ns: 'common' })
          : t('computer.diskFree', { free: formatBytes(home.freeBytes) })}
      </dd>
      <dt>{t('computer.gpu')}</dt>
      <dd>
        {gpus.length === 0
          ? // Why is said in the settings, where it can be acted on.
            t('computer.gpuNone')
          : gpus
              .map(({ name, memoryBytes }) =>
                memoryBytes === null
                  ? name
                  : t('computer.gpuMemory', { name, memory: formatBytes(memoryBytes) }),
              )
              .join(', ')}
      </dd>
    </dl>
  );
}

/** Bars on a logarithmic scale of parameters, with marks where models usually are. */
function CapacityChart({ doctor }: { readonly doctor: Doctor }): ReactNode {
  const { t } = useTranslation(['home', 'schemes']);
  const names = { 4: t('schemes:bits.b4'), 8: t('schemes:bits.b8'), 16: t('schemes:bits.b16') };
  return (
    <figure className="home-capacity">
      <figcaption>
        <h3>{t('computer.chart')}</h3>
        <p className="quiet">{t('computer.chartHint', { tokens: CONTEXT_TOKENS })}</p>
      </figcaption>
      <ul>
        {capacityOf(doctor.memory.totalBytes).map(({ bits, parameters }) => {
          const words = formatCount(parameters);
          return (
            <li key={bits} className={`home-capacity-row bits-${bits}`}>
              <span className="hidden-visually">
                {t('computer.upToFull', { bits: names[bits], parameters: words })}
              </span>
              <span aria-hidden className="home-capacity-name">
                {names[bits]}
              </span>
              <span aria-hidden className="home-capacity-track">
                <span
                  className="home-capacity-bar"
                  style={{ width: `${placeOf(parameters) * 100}%` }}
                />
              </span>
              <span aria-hidden className="home-capacity-words number">
                {t('computer.upTo', { parameters: words })}
              </span>
            </li>
          );
        })}
      </ul>
      <div aria-hidden className="home-capacity-scale">
        {usualSizes.map((size, i) => (
          <span key={size} style={{ left: `${placeOf(size) * 100}%` }}>
            {i === usualSizes.length - 1
              ? t('computer.billions', { size: size / 1e9 })
              : size / 1e9}
          </span>
        ))}
      </div>
    </figure>
  );
}

/** What this computer is, and what it can hold. */
export function ComputerCard(): ReactNode {
  const { t } = useTranslation(['home', 'common']);
  const { data: doctor, error, refetch } = useDoctor();
  return (
    <section
      className="card stack"
      aria-labelledby="home-computer"
      aria-busy={doctor === undefined}
    >
      <h2 id="home-computer">{t('computer.title')}</h2>
      {error !== null ? (
        <FailureNote
          failure={error}
          actions={<Button onPress={() => void refetch()}>{t('common:retry')}</Button>}
        />
      ) : (
        <div className="home-computer">
          {doctor === undefined ? (
            <>
              <Skeleton height={136} />
              <Skeleton height={136} />
            </>
          ) : (
            <>
              <Facts doctor={doctor} />
              <CapacityChart doctor={doctor} />
            </>
          )}
        </div>
      )}
      {doctor === undefined || doctor.problems.length === 0 ? null : (
        <Note kind="warn">
          <strong>{t('computer.problems')}</strong>
          <ul>
            {doctor.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </Note>
      )}
    </section>
  );
}
