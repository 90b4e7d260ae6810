/** What all admin commands have in common: the key, the servers, how failures are told. */
import { RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import type { AdminSession } from '@andvari/host-common/raida/commands/executive';
import { passed, type ServerMiss, type ServerOutcome } from '@andvari/host-common/raida/outcome';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';
import { InputError } from './wallet-input.ts';
import { type OpenConnection, openConnection } from './wallet-options.ts';
import { readRegularFile } from './wallet-read.ts';

export interface AdminOptions {
  network: string;
  timeout: number;
  json?: boolean;
  /** Ids of the servers to ask; all of the network if left out. */
  servers?: readonly number[];
  adminKeyFile?: string;
  /** File with the coin that encrypts the requests. */
  coin?: string;
}

export interface AdminConnection extends OpenConnection {
  /** Ids of the servers to ask. */
  raidaIds: readonly number[];
  admin: AdminSession;
}

const KEY_VARIABLE = 'ANDVARI_ADMIN_KEY';
/** A file that holds an admin key and nothing else. */
const KEY_FILE_BYTES_MAX = 200;

/**
 * The connection and the admin key, wiped when `work` has ended.
 * @throws InputError, and what openConnection() throws
 */
export async function withAdmin(
  options: AdminOptions,
  context: CommandContext,
  work: (connection: AdminConnection) => Promise<void>,
): Promise<void> {
  const adminKey = readAdminKey(options, context);
  const { network, timeout, coin } = options;
  const shared = { network, timeout, ...(coin === undefined ? {} : { encryptWith: coin }) };
  const connection = await openConnection(shared, context);
  try {
    const known = connection.network.servers.map(({ raidaId }) => raidaId);
    const missing = options.servers?.find((id) => !known.includes(id));
    if (missing !== undefined) throw new InputError(`the network has no server ${missing}`);
    const raidaIds = options.servers ?? known;
    await work({ ...connection, raidaIds, admin: { adminKey, session: newSession() } });
  } finally {
    adminKey.fill(0);
    await connection.close();
  }
}

/** Not from the command line: other users of the machine can read that. */
function readAdminKey({ adminKeyFile }: AdminOptions, context: CommandContext): Uint8Array {
  let text = context.env[KEY_VARIABLE] ?? '';
  if (adminKeyFile !== undefined) {
    try {
      text = readRegularFile(adminKeyFile, KEY_FILE_BYTES_MAX).toString();
    } catch (error) {
      throw new InputError(`admin key: ${(error as Error).message}`);
    }
  }
  const hex = text.trim();
  if (/^[0-9a-f]{32}$/i.test(hex)) return new Uint8Array(Buffer.from(hex, 'hex'));
  const source = adminKeyFile ?? KEY_VARIABLE;
  throw new InputError(
    `wanted an admin key of 32 hex digits in ${source} (or with --admin-key-file)`,
  );
}

/** Never 0, which reserves nothing, nor the number that public servers let pass everywhere. */
function newSession(): number {
  const words = new Uint32Array(1);
  do crypto.getRandomValues(words);
  while (words[0] === 0 || words[0] === 0xeeeeeeee);
  return words[0] as number;
}

/** Servers whose answer has no value. */
export function missesOf<Value>(outcomes: readonly ServerOutcome<Value>[]): ServerMiss[] {
  return outcomes.filter((outcome) => outcome.status !== 'pass');
}

/** One line, or event, for each server without an answer; sets the exit code. */
export function reportMisses(
  misses: readonly ServerMiss[],
  { json, context }: { json: boolean; context: CommandContext },
): void {
  for (const { raidaId, status, wireStatus, error } of misses) {
    const { code } = error as { code?: string };
    if (json) context.event({ event: 'server', raidaId, status, wireStatus, code });
    else context.note(`server ${raidaId}: ${error.message} (${code})`);
    const silent = status === 'timeout' || status === 'unreachable';
    context.exitCode = Math.max(context.exitCode, silent ? ExitCode.NETWORK : ExitCode.REFUSED);
  }
}

/**
 * The answers with a value, if at least `wanted` servers gave one. Throws the first server's reason
 * if they are fewer: then nothing is to be done.
 */
export function wantPassed<Value>(outcomes: readonly ServerOutcome<Value>[], wanted: number) {
  const good = passed(outcomes);
  const [miss] = missesOf(outcomes);
  if (good.length < wanted && miss) throw miss.error;
  return good;
}

/** `0,3,5-9` as a list. Throws InputError. */
export function parseServers(text: string): number[] {
  const ids = parseNumbers(text, RAIDA_COUNT - 1, RAIDA_COUNT);
  if (ids) return ids;
  throw new InputError(`--servers: wanted ids from 0 to ${RAIDA_COUNT - 1}, such as 0,3,5-9`);
}

/** Numbers up to `max`, each once, at most `count` of them; undefined: no such list. */
export function parseNumbers(text: string, max: number, count: number): number[] | undefined {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim()) ?? [];
    if (!first || Number(last) > max || Number(last) < Number(first)) return undefined;
    if (Number(last) - Number(first) >= count) return undefined;
    for (let number = Number(first); number <= Number(last); number++) numbers.add(number);
  }
  return numbers.size <= count ? [...numbers] : undefined;
}
