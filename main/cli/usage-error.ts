import type { CommanderError } from 'commander';
import { AppError } from '../../app/contract/error.ts';

/** What is wrong with the words of the command itself: it ends with code 2. */
export class UsageError extends AppError {
  constructor(message: string, remedy?: string) {
    super('invalid-input', message, remedy === undefined ? {} : { remedy });
  }
}

/**
 * What commander found wrong, as an error like any other; what ends a command without being one (`--help`) is handed on.
 *
 * @param help The command that shows what may be typed.
 */
export function usageErrorOf(error: CommanderError, help: string): Error {
  if (error.exitCode === 0) return error;
  // Named without a command, commander has shown what there is.
  if (error.code.startsWith('commander.help')) return new UsageError('No command was named.', help);
  const said = error.message.replace(/^error: /, '');
  return new UsageError(`${said.charAt(0).toUpperCase()}${said.slice(1)}`, help);
}
