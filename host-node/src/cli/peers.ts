import { PEER_METADATA_BYTES_MAX, RAIDA_COUNT } from '@andvari/host-common/engine/generated/limits';
import { type Command, InvalidArgumentError } from 'commander';
import { askControl } from '../io/control-socket.ts';
import { networkFiles } from '../network/network-state.ts';
import { PAYLOAD_BYTES_MAX } from '../peer/peer-control.ts';
import { dataFolder, peerSocketPath } from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';
import { readRegularFile, readStdin } from './wallet-read.ts';

interface PeersOptions {
  socket?: string;
  raida?: number;
  json?: boolean;
}

interface BanOptions extends PeersOptions {
  seconds?: number;
  forever?: boolean;
}

interface SendOptions extends PeersOptions {
  file?: string;
  metadata?: string;
}

/** As a node answers (peer-control.ts). */
interface PeerList {
  peerId: string;
  addresses: string[];
  peers: { peerId: string; isVerified: boolean; key?: string; wire?: number }[];
  banned: { peerId: string; untilMs: number | null }[];
}

/** Where `andvari network up` keeps its data when nothing is said. */
const NETWORK_DATA = 'data/network';

/** `andvari peers`. */
export function registerPeersCommands(program: Command, context: CommandContext): void {
  const peers = program
    .command('peers')
    .description('the peers of a node that runs: serve with [peer], or network up');
  const add = (usage: string, summary: string) =>
    peers
      .command(usage)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .option('--socket <path>', 'control socket of the node [peer.sock in the data folder]')
      .option('--raida <id>', 'a server of network up, here in data/network', parseRaida)
      .option('--json', 'one JSON object')
      .addHelpText(
        'after',
        '\nPEER is a peer id; ping and send also dial an address that ends with /p2p/PEER.\n' +
          'Exit codes: 0 ok, 1 wrong use, 2 no node, no such peer, or no answer, 4 refused.',
      );
  add('list', 'who is connected, who is verified, and who is banned').action(
    (options: PeersOptions) => list(options, context),
  );
  add('ping <peer>', 'how long the answer of a verified peer takes').action(
    (peer: string, options: PeersOptions) => ping(peer, options, context),
  );
  add('ban <peer>', 'close what a peer has and let it in no more, for an hour')
    .option('--seconds <n>', 'for so long', parseSeconds)
    .option('--forever', 'until unban')
    .action((peer: string, options: BanOptions) => ban(peer, options, context));
  add('unban <peer>', 'end the ban of a peer').action((peer: string, options: PeersOptions) =>
    unban(peer, options, context),
  );
  add('send <peer> <protocol> [text]', 'ask a verified peer, and print its answer')
    .option('--file <path>', 'what is sent, instead of the text; - is stdin; at most 256 KiB')
    .option('--metadata <text>', 'goes with it')
    .action((peer: string, protocol: string, text: string | undefined, options: SendOptions) =>
      send({ peer, protocol, text }, options, context),
    );
}

async function ask<Answer>(
  request: object,
  { socket, raida }: PeersOptions,
  context: CommandContext,
): Promise<Answer> {
  const own = peerSocketPath(dataFolder(context.env));
  const path = socket ?? (raida === undefined ? own : networkFiles(NETWORK_DATA).peersSocket);
  return (await askControl(path, { ...request, ...(raida !== undefined && { raida }) })) as Answer;
}

async function list(options: PeersOptions, context: CommandContext): Promise<void> {
  const answer = await ask<PeerList>({ command: 'list' }, options, context);
  if (options.json) {
    context.event(answer);
    return;
  }
  const { peerId, addresses, peers, banned } = answer;
  const verified = peers.filter(({ isVerified }) => isVerified).length;
  context.note(`${peerId} listens at ${addresses.join(' ')}`);
  context.note(`peers: ${peers.length}, verified: ${verified}, banned: ${banned.length}`);
  for (const peer of peers) {
    const { wire, key } = peer;
    context.result(
      peer.isVerified
        ? `${peer.peerId}  verified  wire ${wire}  key ${key}`
        : `${peer.peerId}  not verified`,
    );
  }
  for (const one of banned) context.result(`${one.peerId}  banned ${untilText(one.untilMs)}`);
}

async function ping(peer: string, options: PeersOptions, context: CommandContext): Promise<void> {
  interface Pong {
    peerId: string;
    elapsedMs: number;
    knowsPing: boolean;
  }
  const answer = await ask<Pong>({ command: 'ping', peer }, options, context);
  if (options.json) context.event(answer);
  else {
    const { peerId, elapsedMs, knowsPing } = answer;
    const words = knowsPing ? '' : ' (it answers, but has no ping)';
    context.result(`${peerId}: ${elapsedMs.toFixed(1)} ms${words}`);
  }
}

async function ban(peer: string, options: BanOptions, context: CommandContext): Promise<void> {
  const { forever, seconds, json } = options;
  if (forever && seconds !== undefined) {
    throw wrongUse('wanted --seconds or --forever, got both');
  }
  const until = forever ? { seconds: null } : seconds === undefined ? {} : { seconds };
  const request = { command: 'ban', peer, ...until };
  const answer = await ask<{ peerId: string; untilMs: number | null }>(request, options, context);
  if (json) context.event(answer);
  else context.note(`${answer.peerId} is banned ${untilText(answer.untilMs)}`);
}

async function unban(peer: string, options: PeersOptions, context: CommandContext): Promise<void> {
  const answer = await ask<{ peerId: string }>({ command: 'unban', peer }, options, context);
  if (options.json) context.event(answer);
  else context.note(`${answer.peerId} is not banned any more`);
}

async function send(
  { peer, protocol, text }: { peer: string; protocol: string; text: string | undefined },
  options: SendOptions,
  context: CommandContext,
): Promise<void> {
  const { file, metadata } = options;
  if (file !== undefined && text !== undefined) throw wrongUse('wanted a text or --file, got both');
  const payload =
    file === undefined ? bytesOf('the text', text, PAYLOAD_BYTES_MAX) : readFile(file);
  const more =
    metadata === undefined
      ? {}
      : { metadata: base64(bytesOf('--metadata', metadata, PEER_METADATA_BYTES_MAX)) };
  const request = { command: 'send', peer, protocol, payload: base64(payload), ...more };
  const answer = await ask<{ kind: string; data: string | null }>(request, options, context);
  if (options.json) {
    context.event(answer);
    return;
  }
  const data = answer.data === null ? undefined : Buffer.from(answer.data, 'base64');
  context.note(`${answer.kind}: ${data === undefined ? 'no data' : `${data.length} bytes`}`);
  if (data !== undefined && data.length > 0) context.result(shown(data));
}

/** What `--file` names. Throws an Error of wrong use, and Node's errors of a file. */
function readFile(path: string): Uint8Array {
  try {
    return path === '-' ? readStdin(PAYLOAD_BYTES_MAX) : readRegularFile(path, PAYLOAD_BYTES_MAX);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === undefined ? wrongUse(`--file: ${message}`) : error;
  }
}

/** Throws an Error of wrong use: they are too many. */
function bytesOf(name: string, text = '', bytesMax: number): Uint8Array {
  const bytes = Buffer.from(text);
  if (bytes.length <= bytesMax) return bytes;
  throw wrongUse(`${name} has ${bytes.length} bytes, ${bytesMax} at most are sent`);
}

function wrongUse(message: string): Error {
  return Object.assign(new Error(message), { code: 'ANDVARI_USAGE' });
}

/** A peer's words; what a terminal would not show as such is hex. */
function shown(data: Buffer): string {
  const text = data.toString('utf8');
  const isPlain = Buffer.from(text).equals(data) && !/[^\P{C}\n\t]/u.test(text);
  return isPlain ? text : data.toString('hex');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function untilText(untilMs: number | null): string {
  return untilMs === null ? 'until unban' : `until ${new Date(untilMs).toISOString()}`;
}

function parseRaida(text: string): number {
  const raida = Number(text);
  if (/^\d{1,2}$/.test(text) && raida < RAIDA_COUNT) return raida;
  throw new InvalidArgumentError('wanted a RAIDA id from 0 to 24.');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,9}$/.test(text) && seconds >= 1 && seconds <= 315_360_000) return seconds;
  throw new InvalidArgumentError('wanted seconds from 1 to 315360000.');
}
