import {
  House,
  Library,
  ListChecks,
  MessageSquare,
  Columns2,
  Settings,
  type LucideIcon,
} from 'lucide-react';

/** The views in the order of the rail; Alt 1 to 6 opens them. */
export const views = [
  { id: 'home', path: '/', icon: House },
  { id: 'library', path: '/library', icon: Library },
  { id: 'chat', path: '/chat', icon: MessageSquare },
  { id: 'compare', path: '/compare', icon: Columns2 },
  { id: 'jobs', path: '/jobs', icon: ListChecks },
  { id: 'settings', path: '/settings', icon: Settings },
] as const satisfies readonly { id: string; path: string; icon: LucideIcon }[];

export type ViewId = (typeof views)[number]['id'];

/** Paths of the app, for links and for code that moves the person. */
export const paths = {
  home: '/',
  get: (source?: string): string =>
    source === undefined ? '/get' : `/get/${encodeURIComponent(source)}`,
  library: '/library',
  /** `tab` and `tensor` say what of it is shown. */
  details: (id: string, tab?: string, tensor?: string): string =>
    [
      '/library',
      ...[id, tab, tensor].filter((part) => part !== undefined).map(encodeURIComponent),
    ].join('/'),
  chat: (id?: number): string => (id === undefined ? '/chat' : `/chat/${id}`),
  /** A new chat with this artifact. */
  chatWith: (artifactId: string): string => `/chat?with=${encodeURIComponent(artifactId)}`,
  compare: (id?: number): string => (id === undefined ? '/compare' : `/compare/${id}`),
  /** A new comparison of these artifacts. */
  compareOf: (ids: readonly string[]): string =>
    `/compare?${ids.map((id) => `with=${encodeURIComponent(id)}`).join('&')}`,
  jobs: '/jobs',
  settings: '/settings',
  /** The settings, at one of their sections. */
  settingsAt: (section: 'hub' | 'running' | 'folders' | 'about'): string =>
    `/settings?section=${section}`,
} as const;
