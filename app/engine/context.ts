import { readFileSync } from 'node:fs';
import type { Catalog } from '../catalog/index.ts';
import type { OpenRunner } from '../compare/index.ts';
import type { OnDiskFull } from '../disk/index.ts';
import type { Hub } from '../hub/index.ts';
import type { Home } from './home.ts';

/** What every part of the engine works with. */
export interface EngineContext {
  readonly home: Home;
  readonly catalog: Catalog;
  readonly hub: Hub;
  readonly openRunner: OpenRunner;
  readonly onDiskFull: OnDiskFull;
}

/** The version of this Nibble, as package.json has it. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  const version: unknown =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null;
  return typeof version === 'string' ? version : 'unknown';
}
