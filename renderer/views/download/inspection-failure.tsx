import { Lock } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { toAppError } from '../../../app/contract/error.ts';
import { Button } from '../../design/button.tsx';
import { LinkButton } from '../../design/link-button.tsx';
import { ErrorNote } from '../../errors/error-note.tsx';
import { ExternalLink } from '../../frame/external-link.tsx';
import { paths } from '../../frame/navigation.ts';
import { useDoctor } from '../../state/queries.ts';
import { TokenDialog } from './token-dialog.tsx';
import { errorSentence } from '../../errors/error-words.ts';

/** Why nothing can be said about a model, and what to do: agree and enter a token, try again, choose another. */
export function InspectionFailure({
  source,
  failure,
  onRetry,
}: {
  readonly source: string;
  readonly failure: unknown;
  readonly onRetry: () => void;
}): ReactNode {
  const { t } = useTranslation(['get', 'common']);
  const { data: doctor } = useDoctor();
  const [asks, setAsks] = useState(false);
  const error = toAppError(failure);
  const repository = source.split('@')[0] ?? source;
  const isAccess = error.code === 'gated' || error.code === 'unauthorized';
  if (!isAccess)
    return (
      <ErrorNote
        error={error}
        actions={
          <>
            <Button onPress={onRetry}>{t('common:retry')}</Button>
            <LinkButton to={paths.get()}>{t('another')}</LinkButton>
          </>
        }
      />
    );
  return (
    <section className="card stack tight" role="alert">
      <h2 className="row">
        <Lock aria-hidden className="get-icon" />
        {t('gated.title', { name: repository })}
      </h2>
      <p>{t(error.code === 'gated' ? 'gated.hint' : 'gated.unauthorized')}</p>
      <p className="quiet">{errorSentence(error)}</p>
      <div className="row wrap">
        {doctor === undefined ? null : (
          <ExternalLink className="button normal" href={`${doctor.endpoint}/${repository}`}>
            {t('gated.page')}
          </ExternalLink>
        )}
        <Button
          look="primary"
          onPress={() => {
            setAsks(true);
          }}
        >
          {t('gated.enterToken')}
        </Button>
        <Button onPress={onRetry}>{t('common:retry')}</Button>
      </div>
      <TokenDialog
        isOpen={asks}
        onClose={() => {
          setAsks(false);
        }}
      />
    </section>
  );
}
