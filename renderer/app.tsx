import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, type ReactNode } from 'react';
import { I18nProvider } from 'react-aria-components';
import { Route, Router, Switch } from 'wouter';
import { Frame } from './frame/frame.tsx';
import { useHashLocation } from './frame/hash-location.ts';
import { ViewBoundary } from './frame/view-boundary.tsx';
import { queryClient } from './state/queries.ts';
import { useAppearance } from './state/appearance.ts';
import './texts/texts.ts';
import { ViewSkeleton } from './design/skeleton.tsx';
import { HomeView } from './views/home/home-view.tsx';

// Home is what a person sees first; the other views come when they are opened.
const GetView = lazy(async () => ({
  default: (await import('./views/download/download-wizard.tsx')).GetView,
}));
const LibraryView = lazy(async () => ({
  default: (await import('./views/library/library-view.tsx')).LibraryView,
}));
const DetailsView = lazy(async () => ({
  default: (await import('./views/details/details-view.tsx')).DetailsView,
}));
const ChatView = lazy(async () => ({
  default: (await import('./views/chat/chat-view.tsx')).ChatView,
}));
const CompareView = lazy(async () => ({
  default: (await import('./views/compare/compare-view.tsx')).CompareView,
}));
const JobsView = lazy(async () => ({
  default: (await import('./views/jobs/jobs-view.tsx')).JobsView,
}));
const SettingsView = lazy(async () => ({
  default: (await import('./views/settings/settings-view.tsx')).SettingsView,
}));

function Appearance({ children }: { readonly children: ReactNode }): ReactNode {
  const { locale } = useAppearance();
  return <I18nProvider locale={locale}>{children}</I18nProvider>;
}

/** Every path of the app. A parameter after the view's name says what it shows. */
export function App(): ReactNode {
  return (
    <QueryClientProvider client={queryClient}>
      <Appearance>
        <Router hook={useHashLocation}>
          <Frame>
            <ViewBoundary>
              <Suspense fallback={<ViewSkeleton />}>
                <Switch>
                  <Route path="/get/:source?">
                    {({ source }) => (
                      <GetView source={source === undefined ? null : decodeURIComponent(source)} />
                    )}
                  </Route>
                  <Route path="/library">
                    <LibraryView />
                  </Route>
                  <Route<{
                    id: string;
                    tab?: string;
                    tensor?: string;
                  }> path="/library/:id/:tab?/:tensor?">
                    {({ id, tab, tensor }) => (
                      <DetailsView
                        key={id}
                        id={decodeURIComponent(id)}
                        tab={tab ?? null}
                        tensor={tensor === undefined ? null : decodeURIComponent(tensor)}
                      />
                    )}
                  </Route>
                  <Route path="/chat/:id?">
                    {({ id }) => <ChatView conversationId={id === undefined ? null : Number(id)} />}
                  </Route>
                  <Route path="/compare/:id?">
                    {({ id }) => (
                      <CompareView comparisonId={id === undefined ? null : Number(id)} />
                    )}
                  </Route>
                  <Route path="/jobs">
                    <JobsView />
                  </Route>
                  <Route path="/settings">
                    <SettingsView />
                  </Route>
                  <Route>
                    <HomeView />
                  </Route>
                </Switch>
              </Suspense>
            </ViewBoundary>
          </Frame>
        </Router>
      </Appearance>
    </QueryClientProvider>
  );
}
