import { plainEngine } from '@andvari/host-common/engine/module';
import type { TransportName } from '@andvari/host-common/ratatoskr/client/client-channel';
import {
  RatatoskrError,
  RefusedByServerError,
} from '@andvari/host-common/ratatoskr/client/client-error';
import {
  PAYLOAD_BYTES_MAX,
  SESSION_TIMEOUT_MS,
} from '@andvari/host-common/ratatoskr/client/limits';
import {
  type CallAnswer,
  RatatoskrClient,
} from '@andvari/host-common/ratatoskr/client/ratatoskr-client';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { isUuid } from '@andvari/host-common/ratatoskr/uuid';
import { type Command, InvalidArgumentError } from 'commander';
import { createDeviceSecret } from '../ratatoskr/device-secret.ts';
import { NodeEd25519Verifier } from '../ratatoskr/node-ed25519.ts';
import type { CommandContext } from './command-context.ts';
import { ExitCode } from './exit-code.ts';
import { parseTimeout } from './options.ts';
import { resolveCallAddress } from './ratatoskr-address.ts';
import { readAuthorities, readDeviceKey } from './ratatoskr-files.ts';
import { InputError } from './wallet-input.ts';
import { readRegularFile, readStdin } from './wallet-read.ts';

const HASHES_MAX = 8;
/** Of the time of all: to connect, to open a session, and for the next transport. */
const PARTS = 3;

interface KeygenOptions {
  device: string;
  user: string;
  json?: boolean;
}

interface CallCommandOptions {
  key: string;
  device: string;
  user: string;
  serverKey?: Uint8Array;
  certificateHash?: Uint8Array<ArrayBuffer>[];
  ca?: string;
  requestId?: string;
  v2?: boolean;
  timeout: number;
  json?: boolean;
}

/** `keygen` and `call` of `andvari ratatoskr`. */
export function registerRatatoskrClientCommands(group: Command, context: CommandContext): void {
  group
    .command('keygen <file>')
    .summary('make a key for a device')
    .description(
      'Make an Ed25519 key, write its secret half to a new file that its owner alone can read, ' +
        'and tell the public half, and the command by which an operator registers the device.',
    )
    .option('--device <id>', 'the device, for that command', 'DEVICE')
    .option('--user <id>', 'its user, for that command', 'USER')
    .option('--json', 'the result as a JSON object')
    .action((file: string, options: KeygenOptions) => keygen(file, options, context));
  group
    .command('call <url> <request>')
    .summary('send a business request and tell the answer')
    .description(
      'Open a session, send the JSON in a file (- is stdin) as a business request, and write the ' +
        'answer to stdout. The address is https:// for WebTransport; wss:// (ws:// on this ' +
        'machine) for WebTransport on the UDP port of the same number where --certificate-hash ' +
        "or an authority vouches for it, else WebSocket; or that of a network's description " +
        "(.../network.json, .../ratatoskr.json), which names both, hashes and the server's key.",
    )
    .requiredOption('--key <file>', "the device's key, as keygen writes it")
    .requiredOption('--device <id>', 'the device, as it is registered')
    .requiredOption('--user <id>', 'the user that it speaks for')
    .option('--server-key <hex>', 'public key that must have signed the answers', parseHex)
    .option('--ca <file>', "authorities to trust in the place of the system's, PEM")
    .option('--certificate-hash <hex>', 'SHA-256 of a certificate to trust; repeatable', addHash)
    .option('--request-id <id>', 'ask again about the request that had this id', parseUuid)
    .option('--v2', 'also sign in the way that no byte can move from field to field')
    .option('--timeout <ms>', 'time for all of it', parseTimeout, 30_000)
    .option('--json', 'the result as a JSON object')
    .addHelpText(
      'after',
      '\nExit codes: 0 answered, 1 wrong use or input, 2 no connection or no answer, 3 an answer ' +
        'that the\nserver has not signed, 4 the server or the service says no.',
    )
    .action((url: string, request: string, options: CallCommandOptions) =>
      call(url, request, options, context),
    );
}

function keygen(file: string, options: KeygenOptions, context: CommandContext): void {
  const { device, user, json } = options;
  const publicKey = Buffer.from(createDeviceSecret(file).publicKey).toString('hex');
  if (json) {
    context.event({ event: 'key', file, publicKey });
    return;
  }
  context.result(publicKey);
  context.note(`${file} has the secret half: keep it to yourself`);
  context.note(
    `to register: andvari ratatoskr register ${quoted(device)} --key ${publicKey} ` +
      `--user ${quoted(user)}`,
  );
}

/** For a shell. */
function quoted(word: string): string {
  return /^[\w.@:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function call(
  url: string,
  request: string,
  options: CallCommandOptions,
  context: CommandContext,
): Promise<void> {
  const payload = readRequest(request);
  const requestId = options.requestId ?? crypto.randomUUID();
  const endMs = performance.now() + options.timeout;
  const { client, serverKey } = await openClient(url, options, context.signal);
  const ask = (): Promise<CallAnswer> => {
    // Its failure is the call's as well.
    client.connect().catch(() => undefined);
    const timeoutMs = Math.max(endMs - performance.now(), 1);
    return client.call(payload, { timeoutMs, requestId, signal: context.signal });
  };
  try {
    const answer = await ask().catch((error) => {
      // The client has taken over the time that the server has signed: once more, by that.
      if (serverKey === undefined || clockRefusal(error) === undefined) throw error;
      return ask();
    });
    tellAnswer(answer, {
      json: options.json ?? false,
      isChecked: serverKey !== undefined,
      transport: client.status().transport,
      context,
    });
  } catch (error) {
    const isOpen = error instanceof RatatoskrError && error.outcome === 'unknown';
    if (isOpen || context.signal.aborted) {
      context.note(`it may have been executed: ask again with --request-id ${requestId}`);
    }
    const refusal = clockRefusal(error);
    if (refusal !== undefined) throw clockError(refusal, serverKey !== undefined);
    throw lateError(error, url) ?? error;
  } finally {
    await client.close();
  }
}

/** The server's word that a message is not of its time, if that is what `error` says. */
function clockRefusal(error: unknown): RefusedByServerError | undefined {
  const refusal = error instanceof RefusedByServerError ? error : (error as Error)?.cause;
  if (!(refusal instanceof RefusedByServerError)) return undefined;
  return refusal.serverCode === 'TIMESTAMP_INVALID' ? refusal : undefined;
}

/** Of a call whose time is over: who was asked. */
function lateError(error: unknown, url: string): Error | undefined {
  if (!(error instanceof RatatoskrError) || error.code !== 'ANDVARI_TIMEOUT') return undefined;
  const { code, outcome } = error;
  return new RatatoskrError(code, `${url}: ${error.message}`, { outcome, cause: error });
}

function clockError(refusal: RefusedByServerError, isChecked: boolean): Error {
  const aheadS = Math.floor(Date.now() / 1000) - Number(refusal.serverS);
  const direction = aheadS < 0 ? 'behind' : 'ahead of';
  const advice = isChecked ? '' : ', or give --server-key to go by its time';
  const problem =
    `TIMESTAMP_INVALID: this machine's clock is ${Math.abs(aheadS)} s ${direction} the ` +
    `server's: set it${advice}`;
  const { code, outcome } = refusal;
  return new RatatoskrError(code, problem, { outcome, cause: refusal });
}

/** @throws InputError */
function readRequest(path: string): Uint8Array {
  try {
    const bytes =
      path === '-' ? readStdin(PAYLOAD_BYTES_MAX) : readRegularFile(path, PAYLOAD_BYTES_MAX);
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return bytes;
  } catch (error) {
    // The parser quotes what it has read, line ends and all.
    const problem = (error as Error).message.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
    const name = path === '-' ? 'stdin' : path;
    throw new InputError(`${name}: wanted a request as JSON: ${problem}`);
  }
}

/**
 * The client, and the key that its answers must be signed by: undefined, nobody has told it.
 * @throws InputError
 */
async function openClient(url: string, options: CallCommandOptions, stop: AbortSignal) {
  const { key, device: deviceId, user: userId, certificateHash, v2 = false } = options;
  const signer = readDeviceKey(key);
  const ca = options.ca === undefined ? undefined : readAuthorities(options.ca);
  const parts = {
    codec: RatatoskrCodec.create({ module: await plainEngine() }),
    verifier: new NodeEd25519Verifier(),
  };
  const signal = AbortSignal.any([stop, AbortSignal.timeout(options.timeout)]);
  const address = await resolveCallAddress(url, { certificateHash, ca }, signal);
  const { transports } = address;
  const serverKey = options.serverKey ?? address.serverKey;
  // A transport that connects and then is silent must leave time for the next one.
  const fallbackAfterMs = Math.min(Math.ceil(options.timeout / PARTS), SESSION_TIMEOUT_MS);
  const who = {
    signer,
    deviceId,
    userId,
    serverKey,
    signV2: v2,
    reconnect: false,
    fallbackAfterMs,
  };
  try {
    return { client: new RatatoskrClient({ transports, ...who }, parts), serverKey };
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

interface TellOptions {
  json: boolean;
  /** Whether the server's key is known. */
  isChecked: boolean;
  /** By what the answer came; undefined: the connection has ended since. */
  transport: TransportName | undefined;
  context: CommandContext;
}

function tellAnswer(
  { requestId, payload, signed, roundTripMs }: CallAnswer,
  { json, isChecked, transport, context }: TellOptions,
): void {
  const text = new TextDecoder().decode(payload);
  const value = parsed(text);
  if (json) {
    const told = value === undefined ? { payload: Buffer.from(payload).toString('hex') } : {};
    const ms = Math.round(roundTripMs * 10) / 10;
    // Without a key nobody knows.
    const known = isChecked ? { signed } : {};
    context.event({
      event: 'answer',
      requestId,
      ...known,
      ...(transport && { transport }),
      roundTripMs: ms,
      ...told,
      answer: value,
    });
  } else {
    context.result(value === undefined ? Buffer.from(payload).toString('hex') : text);
    const who = isChecked ? 'signed by the server' : 'signature not checked (no --server-key)';
    const by = transport ? ` by ${transport}` : '';
    context.note(`request ${requestId}: answered${by} in ${roundTripMs.toFixed(1)} ms, ${who}`);
  }
  // The demo services say so when they do not do what was asked.
  if ((value as { ok?: unknown } | null | undefined)?.ok === false) {
    context.exitCode = ExitCode.REFUSED;
  }
}

/** Undefined: no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** 32 bytes, for commander's option parsers. */
function parseHex(text: string): Uint8Array<ArrayBuffer> {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  throw new InvalidArgumentError('wanted 64 hex digits.');
}

/** What `call` tells of a request whose outcome is unknown. */
function parseUuid(text: string): string {
  if (isUuid(text)) return text;
  throw new InvalidArgumentError('wanted a UUID, as call tells it.');
}

/** One more of a list. As many as a description may name. */
function addHash(text: string, before: Uint8Array<ArrayBuffer>[] = []) {
  if (before.length >= HASHES_MAX) throw new InvalidArgumentError(`at most ${HASHES_MAX} of them.`);
  return [...before, parseHex(text)];
}
