import { z } from 'zod';
import { method } from '../../app/contract/rpc.ts';

const runnerId = z.int().positive();

/**
 * What the engine's process asks of the main process: only that one may fork utility processes, and only it can reach the
 * system's keychain. It crosses a port between two processes of our own; a page never gets hold of it.
 */
export const shellApi = {
  readHubToken: method({ params: z.object({}), result: z.string().nullable() }),
  writeHubToken: method({
    params: z.object({ token: z.string().nullable() }),
    result: z.object({}),
  }),
  /** Forks a runner. A port to it comes as a message of its own, `{ kind: 'runner', runnerId }`. */
  startRunner: method({
    params: z.object({}),
    result: z.object({ runnerId, pid: z.int().nonnegative() }),
  }),
  /** Answers when a runner's process is gone, however it ended. */
  runnerEnd: method({
    params: z.object({ runnerId }),
    result: z.object({ how: z.string(), lastWords: z.string() }),
  }),
  /** Ends a runner's process and answers when its memory is free. */
  endRunner: method({ params: z.object({ runnerId }), result: z.object({}) }),
} as const;
export type ShellApi = typeof shellApi;

/** What the main process posts to an engine's process, each with one port. */
export const engineMessageSchema = z.discriminatedUnion('kind', [
  /** First: the port on which the main process serves `shellApi`. */
  z.object({ kind: z.literal('start'), home: z.string() }),
  /** A window, or the main process itself, that wants to call the engine. */
  z.object({ kind: z.literal('client') }),
  /** A runner that was asked for. */
  z.object({ kind: z.literal('runner'), runnerId }),
  /** Without a port: end in an orderly way. */
  z.object({ kind: z.literal('close') }),
]);
export type EngineMessage = z.infer<typeof engineMessageSchema>;
