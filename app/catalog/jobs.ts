import type { Database } from 'better-sqlite3';
import { jobSchema, type Job, type JobRequest } from '../contract/job.ts';
import { upgradeSteps } from './old-steps.ts';
import {
  json,
  readableRows,
  unreadableRows,
  check,
  type Row,
  type UnreadableEntry,
} from './rows.ts';

/** A folder that a job works in before it is finished: half a download, half an artifact. */
export interface JobPlace {
  readonly kind: 'download' | 'artifact';
  readonly directory: string;
}

function jsonOrNull(text: unknown): unknown {
  return typeof text === 'string' ? json(text, 'jobs') : null;
}

function toJob(row: Row): Job {
  const request = jsonOrNull(row['request']);
  return check(
    jobSchema,
    {
      id: row['id'],
      request,
      subject: row['subject'],
      state: row['state'],
      steps: upgradeSteps(jsonOrNull(row['steps']), request),
      waitsForDisk: row['waits_for_disk'] === 1,
      error: jsonOrNull(row['error']),
      checkpointId: row['checkpoint_id'],
      artifactIds: jsonOrNull(row['artifact_ids']),
      files: jsonOrNull(row['files']),
      createdAt: row['created_at'],
      endedAt: row['ended_at'],
    },
    'jobs',
  );
}

/** Background jobs, so that they outlive the process that works on them. */
export class JobTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  #job(id: number): Job | null {
    const row = this.#db.prepare<[number], Row>('SELECT * FROM jobs WHERE id = ?').get(id);
    return row === undefined ? null : toJob(row);
  }

  /** Adds a queued job that belongs to the engine `owner`. */
  add(job: { request: JobRequest; subject: string; owner: string; createdAt: string }): Job {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO jobs (request, subject, state, steps, waits_for_disk, artifact_ids, owner, created_at)
         VALUES (@request, @subject, 'queued', '[]', 0, '[]', @owner, @createdAt)`,
      )
      .run({ ...job, request: JSON.stringify(job.request) });
    return toJob(
      this.#db.prepare<[unknown], Row>('SELECT * FROM jobs WHERE id = ?').get(lastInsertRowid) ??
        {},
    );
  }

  /** Newest first. Jobs that cannot be read are left out: see `unreadable`. */
  jobs(): Job[] {
    return readableRows(this.#rows(), toJob);
  }

  #rows(): Row[] {
    return this.#db.prepare<[], Row>('SELECT * FROM jobs ORDER BY id DESC').all();
  }

  /** Jobs that this version cannot read, because a newer one asked for them or something damaged them. */
  unreadable(): UnreadableEntry[] {
    return unreadableRows('job', this.#rows(), toJob);
  }

  /** @returns null when there is none */
  job(id: number): Job | null {
    return this.#job(id);
  }

  /** Writes everything that can change. `owner` is the engine that has it queued or running, else null. */
  save(job: Job, owner: string | null): void {
    this.#db
      .prepare(
        `UPDATE jobs SET state = @state, steps = @steps, waits_for_disk = @waitsForDisk, error = @error,
           checkpoint_id = @checkpointId, artifact_ids = @artifactIds, files = @files, owner = @owner,
           ended_at = @endedAt
         WHERE id = @id`,
      )
      .run({
        id: job.id,
        state: job.state,
        steps: JSON.stringify(job.steps),
        waitsForDisk: job.waitsForDisk ? 1 : 0,
        error: job.error === null ? null : JSON.stringify(job.error),
        checkpointId: job.checkpointId,
        artifactIds: JSON.stringify(job.artifactIds),
        files: job.files === null ? null : JSON.stringify(job.files),
        owner,
        endedAt: job.endedAt,
      });
  }

  /** Queues a job for `owner` unless some engine has it. @returns false when one has, or there is no such job */
  claim(id: number, owner: string): boolean {
    const { changes } = this.#db
      .prepare(
        `UPDATE jobs SET state = 'queued', owner = ?, error = NULL, ended_at = NULL, waits_for_disk = 0
         WHERE id = ? AND owner IS NULL`,
      )
      .run(owner, id);
    return changes > 0;
  }

  /** The engine that has it queued or running, or null. */
  owner(id: number): string | null {
    const row = this.#db.prepare<[number], Row>('SELECT owner FROM jobs WHERE id = ?').get(id);
    return typeof row?.['owner'] === 'string' ? row['owner'] : null;
  }

  /** Every engine that has a job queued or running, by the catalog. */
  owners(): string[] {
    return this.#db
      .prepare<[], Row>('SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL ORDER BY owner')
      .all()
      .map((row) => String(row['owner']));
  }

  /** Marks what an engine that is gone had queued or running. */
  interruptJobsOf(owner: string): void {
    this.#db
      .prepare(
        "UPDATE jobs SET state = 'interrupted', owner = NULL, waits_for_disk = 0 WHERE owner = ?",
      )
      .run(owner);
  }

  /** Deletes a job unless some engine has it. @returns whether it was there to delete */
  remove(id: number): boolean {
    return this.#db.prepare('DELETE FROM jobs WHERE id = ? AND owner IS NULL').run(id).changes > 0;
  }

  /** Remembers a folder that the job is about to work in. */
  addPlace(id: number, { kind, directory }: JobPlace): void {
    this.#db
      .prepare('INSERT OR IGNORE INTO job_places (job_id, directory, kind) VALUES (?, ?, ?)')
      .run(id, directory, kind);
  }

  places(id: number): JobPlace[] {
    return this.#db
      .prepare<[number], Row>(
        'SELECT directory, kind FROM job_places WHERE job_id = ? ORDER BY directory',
      )
      .all(id)
      .map((row) => ({
        kind: row['kind'] === 'artifact' ? 'artifact' : 'download',
        directory: String(row['directory']),
      }));
  }
}
