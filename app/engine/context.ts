import { readFileSync } from 'node:fs';
import type { Catalog } from '../catalog/index.ts';
import type { OpenRunner } from '../compare/index.ts';
import type { Progress } from '../contract/progress.ts';
import type { CallContext } from '../contract/rpc.ts';
import type { OnDiskFull } from '../disk/index.ts';
import type { Hub } from '../hub/index.ts';
import type { JobPlace } from '../jobs/index.ts';
import type { DiskReserve } from './jobs/disk-reserve.ts';
import type { Home } from './home/home.ts';
import type { EngineLease } from './home/lease.ts';

/** What every part of the engine works with. */
export interface EngineContext {
  readonly home: Home;
  readonly catalog: Catalog;
  /** The hub as it is set now: take it anew for each call. */
  readonly hub: Hub;
  readonly openRunner: OpenRunner;
  /** What tells this engine's rows from those of others on the same home. */
  readonly lease: EngineLease;
  /** What is given up on a full disk to free more. */
  readonly reserve: DiskReserve;
  readonly onDiskFull: OnDiskFull;
  /** What is wrong without keeping the engine from working; the doctor tells it. */
  readonly problems: readonly string[];
}

/** The context of work that may belong to a job. */
export interface WorkCall extends CallContext<Progress> {
  /** Notes a folder before anything unfinished is put there, so that cancelling can find it. */
  readonly claim?: (place: JobPlace) => void;
}

/** The version of this Nibble, as package.json has it. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const version: unknown =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof version === 'string' ? version : 'unknown';
}
