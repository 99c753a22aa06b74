import type { Database } from 'better-sqlite3';
import type { Artifact, Checkpoint, TensorStatistics } from '../contract/checkpoint.ts';
import { damagedFileSchema, type DamagedFile } from '../contract/library.ts';
import {
  check,
  QUANTIZED_ELSEWHERE,
  readableRows,
  toArtifact,
  toCheckpoint,
  toStoredFile,
  toTensor,
  unreadableRows,
  type Row,
  type StoredFile,
  type UnreadableEntry,
} from './rows.ts';
import { slugFor, uniqueSlug } from './slug.ts';

export type EntryKind = 'checkpoint' | 'artifact';

/** A removal that was begun: its files were on their way to the trash when it was noted. */
export interface Removal {
  readonly id: string;
  readonly kind: EntryKind;
  readonly directory: string;
  /** The engine that moves them; null where an earlier version noted it. */
  readonly owner?: string | null | undefined;
}

/** Checkpoints and artifacts: what can be quantized and what can be run. */
export class ModelTables {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  #rows(sql: string, ...params: unknown[]): Row[] {
    return this.#db.prepare<unknown[], Row>(sql).all(...params);
  }

  #row(sql: string, ...params: unknown[]): Row | null {
    return this.#db.prepare<unknown[], Row>(sql).get(...params) ?? null;
  }

  /** True when a checkpoint or an artifact has this id: the two share one space of ids, so that `show ID` is plain. */
  hasId(id: string): boolean {
    // Not read as entries: a row that this version cannot read has its id as well.
    const sql =
      'SELECT 1 AS taken FROM checkpoints WHERE id = @id UNION SELECT 1 FROM artifacts WHERE id = @id';
    return this.#db.prepare<unknown[], Row>(sql).get({ id }) !== undefined;
  }

  /** An id made from `name` that nothing in the catalog has yet, and that is not the one of `reservedName`. */
  freeId(name: string, reservedName?: string): string {
    const reserved = reservedName === undefined ? null : slugFor(reservedName);
    return uniqueSlug(
      slugFor(name),
      (candidate) => candidate === reserved || this.hasId(candidate),
    );
  }

  #addFiles(kind: EntryKind, id: string, files: readonly StoredFile[]): void {
    const insert = this.#db.prepare(
      `INSERT INTO files (owner_kind, owner_id, name, size_bytes, sha256, hash_kind, state)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const file of files)
      insert.run(
        kind,
        id,
        file.name,
        file.sizeBytes,
        file.sha256,
        file.hashKind ?? 'sha256',
        file.state === undefined || file.state === null ? null : JSON.stringify(file.state),
      );
  }

  /**
   * The folders of all checkpoints and artifacts, of those too that this version cannot read: what the catalog lists is
   * nobody's leftover.
   */
  directories(): string[] {
    return this.#rows(
      'SELECT directory FROM checkpoints UNION SELECT directory FROM artifacts ORDER BY directory',
    ).map((row) => String(row['directory']));
  }

  /** Entries that this version cannot read, because a newer one made them or something damaged them. */
  unreadable(): UnreadableEntry[] {
    return [
      ...unreadableRows('checkpoint', this.#rows('SELECT * FROM checkpoints'), toCheckpoint),
      ...unreadableRows('artifact', this.#rows('SELECT * FROM artifacts'), toArtifact),
    ];
  }

  /**
   * Adds a checkpoint with its files, in one transaction, unless another process has just added the one in its folder.
   *
   * @returns the one that the catalog lists now; its id is another where the wanted one was given away meanwhile
   */
  addCheckpoint(wanted: Checkpoint, files: readonly StoredFile[]): Checkpoint {
    const add = this.#db.transaction((): Checkpoint => {
      const there = this.checkpointByDirectory(wanted.directory);
      if (there !== null) return there;
      const checkpoint = { ...wanted, id: this.#freeIdFor(wanted.id) };
      this.#db
        .prepare(
          `INSERT INTO checkpoints (id, name, directory, repository, revision, commit_hash, endpoint, architecture,
             parameters, size_bytes, license, owned, created_at)
           VALUES (@id, @name, @directory, @repository, @revision, @commit, @endpoint, @architecture,
             @parameters, @sizeBytes, @license, @owned, @createdAt)`,
        )
        .run({ ...checkpoint, ...checkpoint.origin, owned: checkpoint.owned ? 1 : 0 });
      this.#addFiles('checkpoint', checkpoint.id, files);
      return checkpoint;
    });
    return add.immediate();
  }

  #freeIdFor(id: string): string {
    return this.hasId(id) ? this.freeId(id) : id;
  }

  /** Newest first. Entries that cannot be read are left out: see `unreadable`. */
  checkpoints(): Checkpoint[] {
    return readableRows(
      this.#rows('SELECT * FROM checkpoints ORDER BY created_at DESC, id'),
      toCheckpoint,
    );
  }

  /** @returns null when there is none */
  checkpoint(id: string): Checkpoint | null {
    const row = this.#row('SELECT * FROM checkpoints WHERE id = ?', id);
    return row === null ? null : toCheckpoint(row);
  }

  /** @returns the checkpoint that was downloaded from there at that commit, or null */
  checkpointByOrigin(endpoint: string, repository: string, commit: string): Checkpoint | null {
    const row = this.#row(
      'SELECT * FROM checkpoints WHERE endpoint = ? AND repository = ? AND commit_hash = ?',
      endpoint,
      repository,
      commit,
    );
    return row === null ? null : toCheckpoint(row);
  }

  /** @returns the checkpoint in that folder, or null */
  checkpointByDirectory(directory: string): Checkpoint | null {
    const row = this.#row('SELECT * FROM checkpoints WHERE directory = ?', directory);
    return row === null ? null : toCheckpoint(row);
  }

  /**
   * Gives up the folder of a checkpoint that is no longer in it: a later one takes its place. The row stays for what was
   * made of it, with a place where nothing is; without artifacts it goes.
   */
  giveUpFolder({ id, directory, createdAt }: Checkpoint): void {
    if (this.artifactsOf(id).length === 0) {
      this.removeCheckpoint(id);
      return;
    }
    this.#db
      .prepare('UPDATE checkpoints SET directory = ? WHERE id = ?')
      .run(`${directory} (as of ${createdAt})`, id);
  }

  removeCheckpoint(id: string): void {
    this.#db.transaction(() => {
      this.#db
        .prepare("DELETE FROM files WHERE owner_kind = 'checkpoint' AND owner_id = ?")
        .run(id);
      this.#db.prepare('DELETE FROM checkpoints WHERE id = ?').run(id);
    })();
  }

  /**
   * Adds an artifact with its files and the statistics of its tensors, in one transaction, unless another process has
   * just added the one in its folder.
   *
   * @returns the one that the catalog lists now; its id is another where the wanted one was given away meanwhile
   */
  addArtifact(
    wanted: Artifact,
    files: readonly StoredFile[],
    tensors: readonly TensorStatistics[],
  ): Artifact {
    const add = this.#db.transaction((): Artifact => {
      const there = this.artifactByDirectory(wanted.directory);
      if (there !== null) return there;
      const artifact = { ...wanted, id: this.#freeIdFor(wanted.id) };
      this.#db
        .prepare(
          `INSERT INTO artifacts (id, checkpoint_id, name, scheme, block_size, directory, architecture, size_bytes,
             weights_bytes, output_layer_copy, source_bytes, weights_sha256, totals, quantize_ms, created_at,
             records_directory)
           VALUES (@id, @checkpointId, @name, @scheme, @blockSize, @directory, @architecture, @sizeBytes,
             @weightsBytes, @outputLayerCopy, @sourceBytes, @weightsSha256, @totals, @quantizeMs, @createdAt,
             @recordsDirectory)`,
        )
        .run({
          ...artifact,
          outputLayerCopy:
            artifact.outputLayerCopy === null ? null : JSON.stringify(artifact.outputLayerCopy),
          totals: JSON.stringify(artifact.totals),
          quantizeMs: artifact.quantizeMs ?? QUANTIZED_ELSEWHERE,
          recordsDirectory: artifact.recordsDirectory ?? null,
        });
      this.#addFiles('artifact', artifact.id, files);
      const insert = this.#db.prepare(
        `INSERT INTO tensors (artifact_id, position, name, dtype, shape, treatment, reason, block_size, numel,
           stored_bytes, bits_per_weight, rms_error, relative_error, max_error, sqnr_db, cosine, sha256)
         VALUES (@artifactId, @position, @name, @dtype, @shape, @treatment, @reason, @blockSize, @numel,
           @storedBytes, @bitsPerWeight, @rmsError, @relativeError, @maxError, @sqnrDb, @cosine, @sha256)`,
      );
      for (const [position, tensor] of tensors.entries())
        insert.run({
          ...tensor,
          artifactId: artifact.id,
          position,
          shape: JSON.stringify(tensor.shape),
        });
      return artifact;
    });
    return add.immediate();
  }

  /** Newest first. Entries that cannot be read are left out: see `unreadable`. */
  artifacts(): Artifact[] {
    return readableRows(
      this.#rows('SELECT * FROM artifacts ORDER BY created_at DESC, id'),
      toArtifact,
    );
  }

  artifactsOf(checkpointId: string): Artifact[] {
    return readableRows(
      this.#rows(
        'SELECT * FROM artifacts WHERE checkpoint_id = ? ORDER BY created_at DESC, id',
        checkpointId,
      ),
      toArtifact,
    );
  }

  /** @returns null when there is none */
  artifact(id: string): Artifact | null {
    const row = this.#row('SELECT * FROM artifacts WHERE id = ?', id);
    return row === null ? null : toArtifact(row);
  }

  /** In the order of the file. */
  tensors(artifactId: string): TensorStatistics[] {
    return this.#rows(
      'SELECT * FROM tensors WHERE artifact_id = ? ORDER BY position',
      artifactId,
    ).map(toTensor);
  }

  /** Removes the artifact with its files, tensors and evaluations; conversations and comparisons stay readable. */
  removeArtifact(id: string): void {
    this.#db.transaction(() => {
      this.#db.prepare("DELETE FROM files WHERE owner_kind = 'artifact' AND owner_id = ?").run(id);
      this.#db.prepare('DELETE FROM artifacts WHERE id = ?').run(id);
    })();
  }

  files(kind: EntryKind, id: string): StoredFile[] {
    return this.#rows(
      `SELECT name, size_bytes, sha256, hash_kind, state FROM files
       WHERE owner_kind = ? AND owner_id = ? ORDER BY name`,
      kind,
      id,
    ).map(toStoredFile);
  }

  /** The files that are known to be damaged, by the id of what they belong to, each list by name. */
  damagedFiles(): ReadonlyMap<string, readonly DamagedFile[]> {
    const all = new Map<string, DamagedFile[]>();
    for (const row of this.#rows('SELECT * FROM damaged_files ORDER BY owner_id, name')) {
      const file = {
        name: row['name'],
        state: row['state'],
        foundBy: row['found_by'],
        foundAt: row['found_at'],
      };
      const id = String(row['owner_id']);
      all.set(id, [...(all.get(id) ?? []), check(damagedFileSchema, file, 'damaged_files')]);
    }
    return all;
  }

  /** Notes damage that was come upon; what is known of other files of the model stays. */
  noteDamage(kind: EntryKind, id: string, files: readonly DamagedFile[]): void {
    const put = this.#db.prepare(
      `INSERT OR REPLACE INTO damaged_files (owner_kind, owner_id, name, state, found_by, found_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#db.transaction(() => {
      // Whoever holds a row from before may have lost it meanwhile: a later model of that id is not the damaged one.
      if (!this.hasId(id)) return;
      for (const { name, state, foundBy, foundAt } of files)
        put.run(kind, id, name, state, foundBy, foundAt);
    })();
  }

  /** Keeps what a check of every file found, in place of all that was known before. */
  replaceDamage(kind: EntryKind, id: string, files: readonly DamagedFile[]): void {
    this.#db.transaction(() => {
      this.#db
        .prepare('DELETE FROM damaged_files WHERE owner_kind = ? AND owner_id = ?')
        .run(kind, id);
      this.noteDamage(kind, id, files);
    })();
  }

  /** Gives the checkpoint or artifact with this id another name. @returns false when there is none */
  rename(id: string, name: string): boolean {
    return this.#db.transaction((): boolean => {
      const tables = ['checkpoints', 'artifacts'];
      return tables.some(
        (table) =>
          this.#db.prepare(`UPDATE ${table} SET name = ? WHERE id = ?`).run(name, id).changes > 0,
      );
    })();
  }

  /** @returns the artifact in that folder, or null */
  artifactByDirectory(directory: string): Artifact | null {
    const row = this.#row('SELECT * FROM artifacts WHERE directory = ?', directory);
    return row === null ? null : toArtifact(row);
  }

  /** Notes that files are about to leave, so that a crash in between is understood at the next start. */
  beginRemoval({ id, kind, directory, owner = null }: Removal): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO removals (id, kind, directory, owner) VALUES (?, ?, ?, ?)')
      .run(id, kind, directory, owner);
  }

  /** Takes the note back: the files stayed, and so does the row. */
  abandonRemoval(id: string): void {
    this.#db.prepare('DELETE FROM removals WHERE id = ?').run(id);
  }

  /** Deletes the row whose files have left, together with the note. */
  finishRemoval({ id, kind }: Pick<Removal, 'id' | 'kind'>): void {
    this.#db.transaction(() => {
      if (kind === 'artifact') this.removeArtifact(id);
      else this.removeCheckpoint(id);
      this.abandonRemoval(id);
    })();
  }

  removals(): Removal[] {
    return this.#rows('SELECT * FROM removals ORDER BY id').map((row) => ({
      id: String(row['id']),
      kind: row['kind'] === 'artifact' ? 'artifact' : 'checkpoint',
      directory: String(row['directory']),
      owner: typeof row['owner'] === 'string' ? row['owner'] : null,
    }));
  }
}
