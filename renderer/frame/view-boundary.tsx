import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../design/button.tsx';
import { FailureNote } from '../errors/error-note.tsx';

function Failed({
  failure,
  onRetry,
}: {
  readonly failure: unknown;
  readonly onRetry: () => void;
}): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="view-failed stack">
      <h1>{t('viewFailed')}</h1>
      <p className="quiet">{t('viewFailedHint')}</p>
      <FailureNote failure={failure} actions={<Button onPress={onRetry}>{t('retry')}</Button>} />
    </div>
  );
}

/** Keeps a fault inside its view: the rest of the app goes on. */
export class ViewBoundary extends Component<
  { readonly children: ReactNode },
  { readonly failure: unknown }
> {
  override state: { readonly failure: unknown } = { failure: null };
  readonly #leave = (): void => {
    this.setState({ failure: null });
  };

  static getDerivedStateFromError(failure: unknown): { failure: unknown } {
    return { failure };
  }

  override componentDidMount(): void {
    window.addEventListener('hashchange', this.#leave);
  }

  override componentWillUnmount(): void {
    window.removeEventListener('hashchange', this.#leave);
  }

  override render(): ReactNode {
    const { failure } = this.state;
    return failure === null ? (
      this.props.children
    ) : (
      <Failed failure={failure} onRetry={this.#leave} />
    );
  }
}
