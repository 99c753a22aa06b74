import { KeyRound } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../design/button.tsx';
import { ConfirmDialog } from '../../design/dialog.tsx';
import { TextField } from '../../design/fields.tsx';
import { toast } from '../../design/toasts.tsx';
import { useSetHubToken } from '../../state/hub-token.ts';
import { queryClient, queryKeys, useAbout, useDoctor, useSettings } from '../../state/queries.ts';
import type { Doctor } from '../../../app/contract/inspection.ts';
import { KeptField } from './saved-field.tsx';
import { readEndpoint } from './limits.ts';
import { Row, Section } from './setting-row.tsx';
import { useChange } from './use-change.ts';
import { errorText } from '../../errors/error-words.ts';

/** Shown where no other address is set. */
const PUBLIC_HUB = 'https://huggingface.co';

/** Sets, replaces and forgets the token; nothing of it ever comes back. */
function Token(): ReactNode {
  const { t } = useTranslation(['settings', 'get', 'common']);
  const { data: doctor } = useDoctor();
  const { data: about } = useAbout();
  const { mutate, error, reset, isPending } = useSetHubToken();
  const [draft, setDraft] = useState<string | null>(null);
  const [asks, setAsks] = useState(false);
  const has = doctor?.hasToken === true;
  const close = (): void => {
    setDraft(null);
    reset();
  };
  const forget = (): void => {
    mutate(null, {
      onSuccess: () => {
        if (queryClient.getQueryData<Doctor>(queryKeys.doctor)?.hasToken === true)
          toast({ text: t('hub.tokenLeft') });
      },
    });
  };
  return (
    <>
      <Row
        label={t('hub.token')}
        hint={
          <>
            <span role="status">{t(has ? 'hub.tokenKept' : 'hub.tokenNone')}</span>{' '}
            {t('hub.tokenHint')}
          </>
        }
      >
        <div className="row wrap settings-end">
          <Button
            onPress={() => {
              setDraft('');
            }}
          >
            <KeyRound aria-hidden />
            {t(has ? 'hub.tokenReplace' : 'hub.tokenSet')}
          </Button>
          {has ? (
            <Button
              look="plain"
              onPress={() => {
                setAsks(true);
              }}
            >
              {t('hub.tokenForget')}
            </Button>
          ) : null}
        </div>
      </Row>
      {draft === null ? null : (
        <form
          className="settings-row settings-token"
          onSubmit={(event) => {
            event.preventDefault();
            if (draft.trim() !== '') mutate(draft.trim(), { onSuccess: close });
          }}
        >
          <TextField
            label={t('get:token.label')}
            type="password"
            value={draft}
            onChange={setDraft}
            hint={t(about?.host === 'web' ? 'get:token.hintFile' : 'get:token.hint')}
            error={error === null ? null : errorText(error)}
            autoFocus
            className="grow"
          />
          <div className="row">
            <Button onPress={close}>{t('common:cancel')}</Button>
            <Button look="primary" type="submit" isDisabled={draft.trim() === '' || isPending}>
              {t('get:token.save')}
            </Button>
          </div>
        </form>
      )}
      <ConfirmDialog
        title={t('hub.tokenForgetTitle')}
        isOpen={asks}
        onClose={() => {
          setAsks(false);
        }}
        action={t('hub.tokenForget')}
        onConfirm={forget}
      >
        <p>{t('hub.tokenForgetHint')}</p>
      </ConfirmDialog>
    </>
  );
}

export function HubSection(): ReactNode {
  const { t } = useTranslation('settings');
  const { hubEndpoint } = useSettings();
  const { data: doctor } = useDoctor();
  const change = useChange();
  const inUse = doctor?.endpoint;
  return (
    <Section id="hub" title={t('hub.title')}>
      <Row
        label={t('hub.endpoint')}
        hint={
          <>
            {t('hub.endpointHint', { endpoint: PUBLIC_HUB })}
            {inUse === undefined ? null : (
              <span className="settings-in-use">{t('hub.endpointInUse', { endpoint: inUse })}</span>
            )}
          </>
        }
      >
        <KeptField
          label={t('hub.endpoint')}
          kept={hubEndpoint ?? ''}
          read={readEndpoint}
          onKeep={(value) => {
            change({ hubEndpoint: value });
          }}
          invalid={t('hub.endpointInvalid')}
          placeholder={PUBLIC_HUB}
          className="settings-wide"
        />
      </Row>
      <Token />
    </Section>
  );
}
