/**
 * Why an operation failed, as data: a name and the facts that belong to it. A host words it for its reader, in the
 * reader's language and with what that reader can do; the engine's own message is what a host without words shows.
 *
 * Each fact says what kind of value it is, so that a host formats it: `text` as it is (a stranger may have written it:
 * clean it before a terminal sees it), `count` a number of things, `bytes` a size, `seconds` a duration, `connection` the
 * system's code of a failed connection, for which there are words (`connectionFailure`).
 */
export const errorReasons = {
  /** The weights are stored in a quantized format that Nibble cannot read. */
  'already-quantized': { method: 'text' },
  /** What was made before is no longer whole: a file of it is gone, or has another size. */
  'artifact-damaged': { id: 'text', file: 'text', folder: 'text' },
  /** The folder of an artifact was written by a newer Nibble, in a way that this one cannot read. It is kept. */
  'artifact-newer': { folder: 'text', version: 'text', ownVersion: 'text' },
  /** A value of config.json cannot be what it is: missing, out of range, or at odds with another. */
  'bad-config-value': { field: 'text', value: 'text' },
  /** The model has several chat templates, and none of them is the default one. `names` by commas. */
  'chat-template-ambiguous': { names: 'text' },
  /** The model's chat template does something that Python refuses, whatever the conversation may be. */
  'chat-template-failed': { line: 'count', detail: 'text' },
  /** The model's chat template used too much: `depth`, `memory`, `output`, `source` (its own length), `steps` or `time`. */
  'chat-template-limit': { limit: 'text', line: 'count' },
  /** The model's chat template refuses the conversation, and says why in its own words. */
  'chat-template-refused': { detail: 'text' },
  /** The model's chat template is no template. */
  'chat-template-syntax': { line: 'count', detail: 'text' },
  /** The files in the folder of a checkpoint are no longer those that the catalog knows. */
  'checkpoint-changed': { name: 'text', folder: 'text' },
  /** A file of a download is known to have changed, or to be gone: versions would be made of other weights. */
  'checkpoint-damaged': { id: 'text', file: 'text', folder: 'text' },
  /** What is named is a checkpoint, which does not run by itself. `artifacts`: ids of what was made of it, by commas. */
  'checkpoint-not-runnable': { id: 'text', artifacts: 'text' },
  /** The prompt, with room for an answer where one is wanted, has more tokens than the context holds. */
  'context-overflow': { promptTokens: 'count', contextTokens: 'count' },
  /** A longer context was asked for than the model can have. */
  'context-too-long': { asked: 'count', limit: 'count' },
  /** The header of a weights file says what cannot be. */
  'damaged-header': { file: 'text' },
  /** Two models mean different things by the same token ids, so that nothing of them can be compared. */
  'different-vocabularies': { first: 'text', second: 'text' },
  /** The engine's process gave no sign of life for so long, and was ended; another one takes its place. */
  'engine-hung': { seconds: 'seconds' },
  /** The engine's process was started and never spoke. */
  'engine-silent': { seconds: 'seconds' },
  /** A weights file ends before its tensors do. */
  'file-cut-short': { file: 'text', bytes: 'bytes', expected: 'bytes' },
  /** The folder of a model is not there: it was deleted or moved, or its disk is not connected. */
  'files-unreachable': { id: 'text', folder: 'text' },
  /** What was named is a GGUF file, or a folder that has its weights in GGUF files alone. */
  'gguf-only': { path: 'text' },
  /** Where the folder that Nibble keeps everything in is to be, or above it, lies a file. */
  'home-is-a-file': { path: 'text', folder: 'text' },
  /** The folder that Nibble keeps everything in may not be written to. */
  'home-no-permission': { folder: 'text' },
  /** The folder that Nibble keeps everything in is on a disk that is mounted read-only. */
  'home-read-only': { folder: 'text' },
  /** The hub sends so slowly, or so much, that an operation did not end in time. */
  'hub-too-slow': { host: 'text', seconds: 'seconds' },
  /** The hub cannot be reached. `cause`: the system's code (ENOTFOUND, ECONNREFUSED ...), empty where it gave none. */
  'hub-unreachable': { host: 'text', cause: 'connection' },
  /** Another process, possibly of another computer, holds the lock in `file`. `process`: its number, written as tools take it. */
  'in-use': { subject: 'text', process: 'text', computer: 'text', file: 'text' },
  /** An object of a JSON file has this key twice. */
  'json-duplicate-key': { file: 'text', key: 'text' },
  /** A JSON file holds another kind of value than an object. `found`: array, boolean, null, number or string. */
  'json-not-object': { file: 'text', found: 'text' },
  /** A JSON file is nested more deeply, or has more values, than any real one; or it takes too long to read. */
  'json-too-complex': { file: 'text' },
  /** A JSON file is larger than any real one. */
  'json-too-large': { file: 'text', bytes: 'bytes', limit: 'bytes' },
  /** A file is the small text that Git LFS leaves in place of a large file that was not downloaded. */
  'lfs-pointer': { file: 'text' },
  /** A file of a checkpoint's folder is a link to a place outside of it. */
  'link-leaves-folder': { file: 'text', folder: 'text' },
  /** A model computes NaN or infinities: its weights are damaged, or never were finite. */
  'logits-not-finite': {},
  /** A file that a model needs is not in its folder. */
  'missing-file': { file: 'text', folder: 'text' },
  /** A name that was chosen for an artifact belongs to another one. */
  'name-taken': { name: 'text', id: 'text' },
  /** A tensor that the model needs is in none of its files. */
  'missing-tensor': { tensor: 'text' },
  /** A folder that was named holds no weights that Nibble reads. */
  'no-weights': { folder: 'text' },
  /** A job was refused before it began: its files, with some room to spare, do not fit. */
  'not-enough-space': { folder: 'text', needed: 'bytes', free: 'bytes' },
  /** What was named is a file, where a folder or a repository is meant. */
  'not-a-folder': { path: 'text' },
  /** A file that should be JSON is not. */
  'not-json': { file: 'text' },
  /** What was named is nothing in the library, no folder, and no repository's name. */
  'nothing-there': { name: 'text' },
  /** The prompt has more tokens than the context holds: so many that they were not all counted. */
  'prompt-beyond-context': { characters: 'count', contextTokens: 'count' },
  /** A file that says how a model computes or speaks is not the one that was recorded with its artifact. */
  'recorded-file-changed': { file: 'text', folder: 'text' },
  /** The process that runs the model ended: how, and the last lines that it printed (may be empty). */
  'runner-ended': { how: 'text', lastWords: 'text' },
  /** The process that runs the model gave no sign of life for so long, and was ended. */
  'runner-hung': { seconds: 'seconds' },
  /** The process that runs the model was started and never spoke. */
  'runner-silent': { seconds: 'seconds' },
  /** A tensor has another shape than config.json asks for; both as `[2, 3]`. */
  'tensor-shape': { tensor: 'text', found: 'text', expected: 'text' },
  /** A tensor is stored in a type that cannot be used for it. */
  'tensor-type': { tensor: 'text', type: 'text' },
  /** The weights have a tensor that the model needs under a name without its prefix: the bare model was saved. */
  'tensor-without-prefix': { tensor: 'text', found: 'text' },
  /** The text has characters that are not in the model's vocabulary, which has no token for the unknown. */
  'text-not-in-vocabulary': { problem: 'text' },
  /** The tokenizer makes far more of a text than any real one; `operation` is `tokenizing` or `decoding`. */
  'tokenizer-output-limit': { operation: 'text', limit: 'count' },
  /** The tokenizer took too long; `operation` is `loading`, `tokenizing` or `decoding`. */
  'tokenizer-timeout': { operation: 'text', limit: 'seconds' },
  /** The tokenizer's file is damaged, or has a step that nobody knows. */
  'tokenizer-unusable': { file: 'text', problem: 'text' },
  /** A model family that Nibble does not know. */
  'unknown-architecture': { architecture: 'text' },
  /** A model family that Nibble does not know, but for one much like it. */
  'unknown-architecture-similar': { architecture: 'text', similar: 'text' },
  /** A row of the catalog that this version cannot read: a newer one wrote it, or something damaged it. */
  'unreadable-row': { table: 'text' },
  /** A list of files names one that could lie outside its folder, or mean something else on another system. */
  'unsafe-file-name': { file: 'text', name: 'text' },
  /** The model wants a feature that Nibble has no operator for: the field of config.json and what it says. */
  'unsupported-feature': { field: 'text', value: 'text' },
  /** Embeddings or output layer have another number of rows than config.json says the vocabulary has. */
  'vocabulary-mismatch': { tensor: 'text', rows: 'count', vocabulary: 'count' },
  /** A file of weights holds other bytes than were recorded when the artifact was made. */
  'weights-changed': { file: 'text', folder: 'text' },
  /** The folder of an artifact holds weights with another fingerprint than the catalog has. */
  'weights-of-another': { artifact: 'text', folder: 'text', found: 'text', expected: 'text' },
  /** A file of weights was replaced by another file while the model that is mapped from it was loaded. */
  'weights-replaced': { file: 'text', folder: 'text' },
  /** The file that a loaded model reads its weights from was cut, or its disk is gone. */
  'weights-unreadable': { file: 'text' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FactKind>>>>;

export type FactKind = 'text' | 'count' | 'bytes' | 'seconds' | 'connection';

export type ErrorReason = keyof typeof errorReasons;

/** The facts that a reason needs. */
export type FactsOf<R extends ErrorReason> = {
  readonly [Name in keyof (typeof errorReasons)[R]]: (typeof errorReasons)[R][Name] extends
    'text' | 'connection'
    ? string
    : number;
};

/** Facts as they cross a process or lie in the catalog, where a newer Nibble may have written them. */
export type ErrorFacts = Readonly<Record<string, string | number>>;

export function isErrorReason(value: unknown): value is ErrorReason {
  return typeof value === 'string' && Object.hasOwn(errorReasons, value);
}

/** How connections fail, by the system's code: hosts have words for each way. */
const connectionFailures = {
  CERT_HAS_EXPIRED: 'certificate-expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate-not-trusted',
  EAI_AGAIN: 'no-name-service',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'cut',
  EHOSTUNREACH: 'no-route',
  ENETDOWN: 'no-network',
  ENETUNREACH: 'no-network',
  ENOTFOUND: 'name-unknown',
  EPIPE: 'cut',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate-of-another',
  ETIMEDOUT: 'no-answer',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate-not-trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate-not-trusted',
  UND_ERR_BODY_TIMEOUT: 'stopped-sending',
  UND_ERR_CONNECT_TIMEOUT: 'no-answer',
  UND_ERR_HEADERS_TIMEOUT: 'no-answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'wrong-length',
  UND_ERR_SOCKET: 'cut',
} as const;

export type ConnectionFailure = (typeof connectionFailures)[keyof typeof connectionFailures];

function isKnownFailure(code: string): code is keyof typeof connectionFailures {
  return Object.hasOwn(connectionFailures, code);
}

/** What the system's code of a failed connection means; null where there are no words for it. */
export function connectionFailure(code: string): ConnectionFailure | null {
  return isKnownFailure(code) ? connectionFailures[code] : null;
}
