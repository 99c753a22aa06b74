// The commands that are killed, and what must be true when each has been run again.

/** One command of `nibble` as the kills run it. */
export interface KilledCommand {
  readonly name: string;
  /** Commands that must have succeeded on the home before. */
  readonly before: readonly (readonly string[])[];
  readonly command: readonly string[];
  /** Typed into it. */
  readonly input?: string;
  /** Serve has no end of its own: it is closed by a signal when it is run again. */
  readonly endless?: boolean;
  /** What it takes off the list: run again it may find that done. */
  readonly isGoneAfter?: string;
}

const CHECKPOINT = 'model';
const ARTIFACT = 'model-nf4-dq';

/**
 * @param repository its name on the local hub, `test/model`
 * @param textFile what is measured
 */
export function killedCommands(repository: string, textFile: string): readonly KilledCommand[] {
  const pull = ['pull', repository];
  const make = ['quantize', repository, '--scheme', 'nf4-dq', '--device', 'cpu'];
  const second = ['quantize', repository, '--scheme', 'int8-absmax', '--device', 'cpu'];
  return [
    { name: 'pull', before: [], command: pull },
    { name: 'quantize', before: [pull], command: make },
    { name: 'pull and quantize', before: [], command: make },
    {
      name: 'eval',
      before: [make],
      command: ['eval', ARTIFACT, '--text', textFile, '--window', '64'],
    },
    {
      name: 'compare',
      before: [make, second],
      command: [
        'compare',
        ARTIFACT,
        'model-int8-absmax',
        '--prompt',
        'Hello',
        '--max-tokens',
        '24',
      ],
    },
    {
      name: 'chat',
      before: [make],
      command: ['chat', ARTIFACT, '--max-tokens', '24', '--device', 'cpu'],
      input: 'Hello\nAnd again\n',
    },
    { name: 'verify', before: [make], command: ['verify', ARTIFACT] },
    {
      name: 'remove',
      before: [make],
      command: ['remove', CHECKPOINT, '--yes'],
      isGoneAfter: CHECKPOINT,
    },
    { name: 'serve', before: [make], command: ['serve', '--port', '0'], endless: true },
  ];
}
