import { useSyncExternalStore } from 'react';
import type { BaseLocationHook } from 'wouter';

/*
 * Where the person is, all of it behind the `#`: `#/compare?with=A`. wouter's own hash hook puts a query in front of the
 * `#`, where it would be sent to the server and outlive the path it belongs to.
 */

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  window.addEventListener('popstate', listener);
  return () => {
    window.removeEventListener('hashchange', listener);
    window.removeEventListener('popstate', listener);
  };
}

/** The path and the query of an address behind the `#`. */
export function splitHash(hash: string): { readonly path: string; readonly search: string } {
  const [path = '', ...search] = hash.replace(/^#?\/?/, '').split('?');
  return { path: `/${path}`, search: search.join('?') };
}

function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  const url = new URL(location.href);
  url.hash = `/${to.replace(/^#?\/?/, '')}`;
  if (url.href === location.href) return;
  history[options.replace === true ? 'replaceState' : 'pushState'](null, '', url.href);
  window.dispatchEvent(new Event('hashchange'));
}

function useHashSearch(): string {
  return useSyncExternalStore(subscribe, () => splitHash(location.hash).search);
}

/** For wouter's Router: `useLocation` gives the path without its query, `useSearch` the query. */
export const useHashLocation: BaseLocationHook = Object.assign(
  (): [string, typeof navigate] => [
    useSyncExternalStore(subscribe, () => splitHash(location.hash).path),
    navigate,
  ],
  {
    hrefs: (href: string): string => `#${href}`,
    searchHook: useHashSearch,
  },
);
