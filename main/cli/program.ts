import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { requestedDeviceSchema, type RequestedDevice } from '../../app/contract/device.ts';
import { cacheTypeSchema } from '../../app/contract/sampling.ts';
import { numberBetween, schemeList, someText, tokenIds, wholeNumber } from './arguments.ts';
import { printError, printOut } from './terminal.ts';
import { usageErrorOf } from './usage-error.ts';
import type { BareSession, GlobalOptions, Session } from './session.ts';

function withGeneration(command: Command): Command {
  return command
    .option('--seed <n>', 'same seed, same model, same machine: same text', wholeNumber(0))
    .option('--temperature <t>', '0 always takes the most likely token', numberBetween(0, 10))
    .option('--top-k <n>', 'draw from the n most likely tokens (0: off)', wholeNumber(0))
    .option(
      '--top-p <p>',
      'draw from the most likely tokens that reach this probability',
      numberBetween(0.001, 1),
    )
    .option(
      '--min-p <p>',
      'leave out tokens less likely than p times the most likely one',
      numberBetween(0, 1),
    )
    .option('--repetition-penalty <r>', 'above 1 discourages repetition', numberBetween(0.1, 10))
    .option('--max-tokens <n>', 'longest answer', wholeNumber(1))
    .option('--context <n>', 'tokens the model can look back on', wholeNumber(16))
    .option('--threads <n>', 'processor threads', wholeNumber(1))
    .addOption(
      new Option('--mode <mode>', 'fast: 8-bit activations; exact: 32-bit activations')
        .choices(['fast', 'exact'])
        .default('fast'),
    );
}

function withCache(command: Command): Command {
  return command.addOption(
    new Option(
      '--cache <type>',
      'what keeps the context: int8 takes half of f16, f16 half of f32',
    ).choices(cacheTypeSchema.options),
  );
}

/** What only commands offer that run one model themselves. @param device Where it computes if nobody says. */
function withRunner(command: Command, device: RequestedDevice): Command {
  return withCache(command)
    .addOption(
      new Option(
        '--device <device>',
        'where to compute; auto takes a GPU where it was measured to be faster',
      )
        .choices(requestedDeviceSchema.options)
        .default(device),
    )
    .option('--profile', 'show where the time went, operator by operator', false);
}

/** What the engine asks a hub for at once. */
const MOST_FOUND = 100;

const MOST_PORTS = 65_535;

const packageSchema = z.object({ version: z.string() });

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return packageSchema.parse(JSON.parse(text)).version;
}

type Action<O> = (session: Session, options: O) => Promise<number | undefined>;

/**
 * Declares every command.
 *
 * @param finish called with the exit code once a command is over
 */
export function buildProgram(finish: (code: number) => void): Command {
  const program = new Command('nibble')
    .description('Download, quantize, chat with and compare language models on your own computer')
    .option('--json', 'print one JSON document on stdout, progress on stderr', false)
    .addOption(
      new Option('--home <dir>', 'where models and the catalog are kept').env('NIBBLE_HOME'),
    )
    .option('--verbose', 'show where an error came from', false)
    .version(packageVersion())
    // Whoever catches the error says it, in the form of all errors.
    .configureOutput({ writeOut: printOut, writeErr: printError, outputError: () => undefined })
    .exitOverride((error) => {
      throw usageErrorOf(error, 'See: nibble --help');
    });

  const run = async <O>(options: O, load: () => Promise<Action<O>>): Promise<void> => {
    const { runCommand } = await import('./session.ts');
    const action = await load();
    const globals = program.opts<GlobalOptions>();
    finish(await runCommand(globals, (session) => action(session, options)));
  };
  // Options may stand before or after the command's name.
  const command = (declaration: string, description: string): Command => {
    const created = program.command(declaration).description(description);
    created.exitOverride((error) => {
      throw usageErrorOf(error, `See: nibble ${created.name()} --help`);
    });
    return created;
  };

  command('doctor', 'processor, GPUs, memory, disk and versions').action(() =>
    run({}, async () => (await import('./commands/doctor.ts')).doctorCommand),
  );
  command('search <query>', 'find models on the hub')
    .option('--limit <n>', 'how many, at most 100', wholeNumber(1, MOST_FOUND), 20)
    .action((query: string, options: { limit: number }) =>
      run({ query, ...options }, async () => (await import('./commands/search.ts')).searchCommand),
    );
  command(
    'inspect <source>',
    'what a model is and how large each scheme would be, before any download',
  ).action((source: string) =>
    run({ source }, async () => (await import('./commands/inspect.ts')).inspectCommand),
  );
  command(
    'pull <source>',
    'download a checkpoint: REPO or REPO@REVISION; resumes where it stopped',
  ).action((source: string) =>
    run({ source }, async () => (await import('./commands/pull.ts')).pullCommand),
  );
  command('schemes', 'the ways to store weights, for --scheme of quantize').action(() =>
    run({}, async () => (await import('./commands/schemes.ts')).schemesCommand),
  );
  command('quantize <source>', 'make smaller versions of a checkpoint: REPO, folder or id')
    .requiredOption(
      '--scheme <list>',
      'one or more schemes by commas; `nibble schemes` lists them',
      schemeList,
    )
    .option('--block-size <n>', 'weights that share a scale', wholeNumber(0))
    .option(
      '--no-output-layer-copy',
      'do without the 8-bit copy of the output layer: a smaller folder, slower answers',
    )
    .addOption(
      new Option('--device <device>', 'where to compute')
        .choices(['auto', 'cpu', 'cuda'])
        .default('auto'),
    )
    .option('--name <name>', 'name of the result in the catalog', someText)
    .option('--threads <n>', 'processor threads', wholeNumber(1))
    .action((source: string, options: Record<string, unknown>) =>
      run(
        { source, ...options } as never,
        async () => (await import('./commands/quantize.ts')).quantizeCommand,
      ),
    );
  command(
    'add <path>',
    'list a folder where it is: made by Nibble, saved with bitsandbytes, or a checkpoint',
  ).action((path: string) =>
    run({ path }, async () => (await import('./commands/add.ts')).addCommand),
  );
  command('list', 'everything in the catalog').action(() =>
    run({}, async () => (await import('./commands/list.ts')).listCommand),
  );
  command('show <id>', 'sizes, and what quantizing cost each tensor')
    .option('--all', 'every tensor, not only the worst', false)
    .action((id: string, options: { all: boolean }) =>
      run({ id, ...options }, async () => (await import('./commands/show.ts')).showCommand),
    );
  command('verify <id>', 'hash every file again and compare with the catalog').action(
    (id: string) => run({ id }, async () => (await import('./commands/verify.ts')).verifyCommand),
  );
  command('remove <id>', 'delete a checkpoint, an artifact, or what an interrupted job left')
    .option('--yes', 'do not ask', false)
    .option('--trash', "move its files to the system's trash instead of deleting them", false)
    .action((id: string, options: { yes: boolean; trash: boolean }) =>
      run({ id, ...options }, async () => (await import('./commands/remove.ts')).removeCommand),
    );
  withRunner(withGeneration(command('chat <id>', 'talk with a model')), 'auto')
    .option('--prompt <text>', 'ask this, print the answer, and end', someText)
    .option('--system <text>', 'system prompt')
    .option('--no-save', 'do not keep the conversation')
    .action((id: string, options: Record<string, unknown>) =>
      run(
        { id, ...options } as never,
        async () => (await import('./commands/chat.ts')).chatCommand,
      ),
    );
  withRunner(
    withGeneration(command('generate <id>', 'continue raw token ids; needs no tokenizer')),
    'cpu',
  )
    .requiredOption('--ids <list>', 'token ids, separated by commas', tokenIds)
    .option('--logits <file>', 'write the logits of every prompt position to this safetensors file')
    .option('--ignore-stop', 'continue past stop tokens', false)
    .action((id: string, options: Record<string, unknown>) =>
      run(
        { id, ...options } as never,
        async () => (await import('./commands/generate.ts')).generateCommand,
      ),
    );
  withCache(
    withGeneration(
      command('compare <ids...>', 'the same prompt and seed through two or more models'),
    ),
  )
    .requiredOption('--prompt <text>', 'what to ask', someText)
    .option('--system <text>', 'system prompt')
    .action((ids: string[], options: Record<string, unknown>) =>
      run(
        { ids, ...options } as never,
        async () => (await import('./commands/compare.ts')).compareCommand,
      ),
    );
  withCache(command('eval <id>', 'perplexity of a text, and how far the model is from a reference'))
    .requiredOption('--text <file>', "a text file, or 'sample' for the text that comes with Nibble")
    .option('--reference <id>', 'measure KL divergence and agreement against this artifact')
    .option('--max-tokens <n>', 'stop after this many tokens', wholeNumber(2))
    .option('--window <n>', 'tokens per window', wholeNumber(16))
    .addOption(
      new Option('--mode <mode>', 'fast or exact arithmetic')
        .choices(['fast', 'exact'])
        .default('fast'),
    )
    .action((id: string, options: Record<string, unknown>) =>
      run(
        { id, ...options } as never,
        async () => (await import('./commands/eval.ts')).evalCommand,
      ),
    );
  command('serve', 'the app in a browser, on this computer only')
    .option(
      '--port <n>',
      'where to listen (default: 6422, or a free one)',
      wholeNumber(0, MOST_PORTS),
    )
    .option('--open', 'open it in the browser', false)
    .option(
      '--new-key',
      'make a new key: addresses and programs with the old one are refused',
      false,
    )
    .action(async (options: { port?: number; open: boolean; newKey: boolean }) => {
      const { runBareCommand } = await import('./session.ts');
      const { serveCommand } = await import('./commands/serve.ts');
      const globals = program.opts<GlobalOptions>();
      const home = globals.home === undefined ? {} : { home: globals.home };
      const serve = (session: BareSession): Promise<number> =>
        serveCommand(session, { ...home, ...options });
      finish(await runBareCommand(globals, serve));
    });
  command(
    'demo',
    'the whole job on the sample model that comes with Nibble; needs no network',
  ).action(() =>
    run(
      program.opts<GlobalOptions>(),
      async () => (await import('./commands/demo.ts')).demoCommand,
    ),
  );
  return program;
}
