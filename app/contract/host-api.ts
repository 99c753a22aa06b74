import { z } from 'zod';
import { method } from './rpc.ts';

/** What a host can do beyond showing the renderer: a browser cannot open a folder dialog of the machine it talks to. */
export const hostAboutSchema = z.object({
  host: z.enum(['electron', 'web']),
  version: z.string(),
  /** `linux`, `darwin`, `win32`: for the names of keys and of the trash. */
  platform: z.string(),
  canChooseFolder: z.boolean(),
  canReveal: z.boolean(),
  canNotify: z.boolean(),
  /** True where `saveText` opens a save dialog; elsewhere the renderer offers a browser download. */
  canSaveText: z.boolean(),
  logFile: z.string().nullable(),
});
export type HostAbout = z.infer<typeof hostAboutSchema>;

/** Commands that menus, shortcuts of the system and deep links send to the renderer. */
export const hostCommandSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('command'),
    command: z.enum([
      'new-chat',
      'palette',
      'show-home',
      'show-get',
      'show-library',
      'show-chat',
      'show-compare',
      'show-jobs',
      'show-settings',
      'show-shortcuts',
    ]),
  }),
  /** `nibble://owner/name`: opens the wizard on that repository. Nothing is downloaded without a click. */
  z.object({ kind: z.literal('open-repository'), repository: z.string().max(300) }),
  /** The engine process ended and a new one was started; calls in flight have failed. */
  z.object({ kind: z.literal('engine-restarted'), reason: z.string() }),
]);
export type HostCommand = z.infer<typeof hostCommandSchema>;

/** What the renderer may ask of its host. */
export const hostApi = {
  about: method({ params: z.object({}), result: hostAboutSchema }),
  chooseFolder: method({
    params: z.object({ title: z.string().max(200) }),
    result: z.object({ directory: z.string().nullable() }),
  }),
  /** Shows a folder in the system's file manager. */
  reveal: method({ params: z.object({ directory: z.string().max(4096) }), result: z.object({}) }),
  /** Opens a page in the system's browser. */
  openExternal: method({
    params: z.object({ url: z.url({ protocol: /^https$/ }).max(4096) }),
    result: z.object({}),
  }),
  notify: method({
    params: z.object({ title: z.string().max(200), body: z.string().max(1000) }),
    result: z.object({}),
  }),
  saveText: method({
    params: z.object({ fileName: z.string().min(1).max(200), text: z.string() }),
    result: z.object({ path: z.string().nullable() }),
  }),
  /** Versions, machine, the newest lines of the log; nothing secret. */
  diagnostics: method({ params: z.object({}), result: z.object({ text: z.string() }) }),
  /** Runs until it is aborted. */
  watch: method({ params: z.object({}), event: hostCommandSchema, result: z.object({}) }),
} as const;
export type HostApi = typeof hostApi;
