/** Whose node a command is: the identity file, and the passphrase that seals it. */
import type { Command } from 'commander';
import { dataFolder, identityPath } from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';
import { readRegularFile, readStdin } from './wallet-read.ts';

const PASSPHRASE_VARIABLE = 'ANDVARI_PASSPHRASE';
const PASSPHRASE_BYTES_MAX = 4096;

export interface PassphraseOptions {
  passphraseFile?: string;
}

export interface IdentityOptions extends PassphraseOptions {
  identity?: string;
}

/** No passphrase can be had from where it was said to be. */
export class PassphraseError extends Error {
  override readonly name = 'PassphraseError';
  readonly code = 'ANDVARI_PASSPHRASE';
}

export function withPassphrase(command: Command): Command {
  return command.option(
    '--passphrase-file <file>',
    `one line with the passphrase of the identity, - is stdin [${PASSPHRASE_VARIABLE}]`,
  );
}

export function withIdentity(command: Command): Command {
  const option = command.option(
    '--identity <file>',
    'who this node is [identity.key in the data folder]',
  );
  return withPassphrase(option);
}

export function identityFileOf({ identity }: IdentityOptions, context: CommandContext): string {
  return identity ?? identityPath(dataFolder(context.env));
}

/**
 * Of the file, else of the environment; undefined: there is none. Never of the command line, which
 * everybody on the machine can read.
 * @throws PassphraseError
 */
export function passphraseOf(
  { passphraseFile }: PassphraseOptions,
  context: CommandContext,
): string | undefined {
  if (passphraseFile !== undefined) return readPassphrase(passphraseFile);
  const passphrase = context.env[PASSPHRASE_VARIABLE];
  // Whoever sets it wants the identity sealed: an empty one must not leave it open.
  if (passphrase === '') throw new PassphraseError(`${PASSPHRASE_VARIABLE} is empty`);
  return passphrase;
}

function readPassphrase(path: string): string {
  const name = path === '-' ? 'stdin' : path;
  const text = textOf(path, name).replace(/\r?\n$/, '');
  if (text === '') throw new PassphraseError(`${name} has no passphrase: it is empty`);
  if (/[\r\n]/.test(text)) throw new PassphraseError(`${name}: wanted a passphrase in one line`);
  return text;
}

function textOf(path: string, name: string): string {
  try {
    const bytes =
      path === '-' ? readStdin(PASSPHRASE_BYTES_MAX) : readRegularFile(path, PASSPHRASE_BYTES_MAX);
    // The byte order mark that some editors write is left out: nobody types it.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    bytes.fill(0);
    return text;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : message;
    throw new PassphraseError(`${name}: no passphrase can be read: ${why}`, { cause: error });
  }
}
