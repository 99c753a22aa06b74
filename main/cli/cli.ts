// Entry of the `nibble` command. Only parses; each command loads what it needs when it runs.
import { CommanderError } from 'commander';
import { poolThreads } from '../processes/child-environment.ts';
import { buildProgram } from './program.ts';
import { exitCodes, reportUsage } from './session.ts';
import { onReaderGone, printError } from './terminal.ts';
import { UsageError } from './usage-error.ts';

// A reader that went away (`nibble list | head`) is no error of ours.
onReaderGone(() => process.exit(exitCodes.done));

// What nobody caught may hold strangers' words as well: it goes through the same door as everything else.
process.on('uncaughtException', (error) => {
  printError(
    `nibble: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(exitCodes.failed);
});

// Before anything uses the pool. The engine of a command quantizes in this very process.
process.env['UV_THREADPOOL_SIZE'] ??= `${poolThreads()}`;

/** A command that was interrupted has ended after what it had in hand; longer than this nothing takes. */
const ORPHAN_GRACE_MS = 5_000;

// The channel to the wrapper of main/nibble.mjs ends with it, also when it was killed: nobody waits for this any more.
process.channel?.unref();
process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(exitCodes.interrupted), ORPHAN_GRACE_MS).unref();
});

try {
  await buildProgram((code) => {
    process.exitCode = code;
  }).parseAsync(process.argv);
} catch (error) {
  if (error instanceof UsageError) {
    // What was wrong may stand before --json.
    const end = process.argv.indexOf('--');
    const json = process.argv.slice(2, end < 0 ? undefined : end).includes('--json');
    process.exitCode = reportUsage(error, { json });
  } else if (error instanceof CommanderError) process.exitCode = exitCodes.done;
  else throw error;
}
