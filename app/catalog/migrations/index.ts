import type { Database } from 'better-sqlite3';
import { migrateTo10 } from './0010-initial.ts';
import { migrateTo30 } from './0030-conversation-trees.ts';
import { migrateTo20 } from './0020-jobs-folders-settings.ts';
import { migrateTo40 } from './0040-votes.ts';
import { migrateTo50 } from './0050-output-layer-copies.ts';
import { migrateTo60 } from './0060-hash-kinds.ts';
import { migrateTo70 } from './0070-evaluated-caches.ts';
import { migrateTo80 } from './0080-owners.ts';
import { migrateTo90 } from './0090-weights-checks.ts';
import { migrateTo100 } from './0100-file-states.ts';
import { migrateTo110 } from './0110-artifacts-of-others.ts';
import { migrateTo120 } from './0120-damaged-files.ts';

export interface Migration {
  readonly version: number;
  readonly migrate: (db: Database) => void;
}

/** In ascending order; numbers step by ten so that a branch can be merged in between. */
export const migrations: readonly Migration[] = [
  { version: 10, migrate: migrateTo10 },
  { version: 20, migrate: migrateTo20 },
  { version: 30, migrate: migrateTo30 },
  { version: 40, migrate: migrateTo40 },
  { version: 50, migrate: migrateTo50 },
  { version: 60, migrate: migrateTo60 },
  { version: 70, migrate: migrateTo70 },
  { version: 80, migrate: migrateTo80 },
  { version: 90, migrate: migrateTo90 },
  { version: 100, migrate: migrateTo100 },
  { version: 110, migrate: migrateTo110 },
  { version: 120, migrate: migrateTo120 },
];
