import { useSyncExternalStore, type ReactNode } from 'react';
import { WifiOff } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { connection } from '../bridge.ts';

/** Says that the engine cannot be reached, above whatever view is open. */
export function ConnectionBanner(): ReactNode {
  const { t } = useTranslation();
  const state = useSyncExternalStore(connection.subscribe, connection.state);
  return (
    <div role="status" aria-live="polite">
      {state === 'lost' || state === 'expired' ? (
        <div className="connection-banner">
          <WifiOff aria-hidden />
          {t(state === 'lost' ? 'connectionLost' : 'linkExpired')}
        </div>
      ) : null}
    </div>
  );
}
