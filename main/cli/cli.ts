// Entry of the `nibble` command. Only parses; each command loads what it needs when it runs.
import { CommanderError } from 'commander';
import { buildProgram } from './program.ts';
import { exitCodes } from './session.ts';

// A reader that went away (`nibble list | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done);
  throw error;
});

try {
  await buildProgram((code) => {
    process.exitCode = code;
  }).parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
