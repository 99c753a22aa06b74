import type { Session } from './session.ts';

/** Which hub a source is asked for. */
export interface SourceHub {
  readonly endpoint: string | null;
  /** The host that a link names, where requests go to another one. */
  readonly otherHub: string | null;
}

/** Finds out which hub is asked, and says so before it is where a link names another one. */
export async function announceHub(
  { engine, output, quiet }: Session,
  source: string,
): Promise<SourceHub> {
  const hub = await engine.sourceHub({ source }, quiet);
  if (hub.otherHub !== null)
    output.note(
      `The link names ${hub.otherHub}; what is asked is ${hub.endpoint ?? ''}, the hub that is set (HF_ENDPOINT or the settings).`,
    );
  return hub;
}
