import { sizeText } from '@andvari/host-common/transfer/files/amount-text';
import {
  endedEarly,
  FileTransferError,
} from '@andvari/host-common/transfer/files/file-transfer-error';
import type { FileEntry, TreeManifest } from '@andvari/host-common/transfer/files/tree-manifest';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { relayAddressText } from '@andvari/host-common/transfer/relay/relay-address';
import type { Command } from 'commander';
import { formatAddress } from '../http/socket-address.ts';
import { listenFor, listenForAll, resolvePlace } from '../transfer/call-peer.ts';
import { type CalledPeer, parseCode } from '../transfer/called-peer.ts';
import type { FetchOffer } from '../transfer/fetch-file.ts';
import type { KnownPeers } from '../transfer/known-peers.ts';
import { TransferNode } from '../transfer/node.ts';
import { everybody, nobody } from '../transfer/node-config.ts';
import { newIdentity } from '../transfer/node-identity.ts';
import type { OpenOffer } from '../transfer/open-file.ts';
import type { WsRelayOptions } from '../transfer/relay/ws-relay.ts';
import type { TransferOffer, TransferReceiver } from '../transfer/transfer-receiver.ts';
import type { CommandContext } from './command-context.ts';
import { confirm, confirmOrTrust } from './confirm.ts';
import { parseTimeout } from './options.ts';
import { outputFor } from './piped-output.ts';
import { readyPlace } from './receive-place.ts';
import { listenOption, type WantedListen } from './transfer-address.ts';
import {
  type IdentityOptions,
  identityFileOf,
  passphraseOf,
  withIdentity,
} from './transfer-identity.ts';
import { untilDone } from './transfer-progress.ts';
import { parseRange, pipeRange, rangeOf, type WantedRange, writeRange } from './transfer-range.ts';
import { type RelayOptions, relayOf, withRelay } from './transfer-relay-option.ts';
import { knownPeersFile, loadKnownPeers, trustPeer } from './transfer-trust.ts';
import { InputError } from './wallet-input.ts';

/** For --output; a folder of that name is `./-`. */
const STDOUT = '-';

interface ReceiveOptions extends IdentityOptions, RelayOptions {
  listen: WantedListen;
  output: string;
  timeout: number;
  yes?: boolean;
  keep?: boolean;
  /** There is one sender, and one thing that it sends. */
  only?: boolean;
  range?: WantedRange;
  json?: boolean;
}

/** `andvari receive`. */
export function registerReceiveCommand(program: Command, context: CommandContext): void {
  withRelay(withIdentity(program.command('receive [codes...]')))
    .summary('receive a file or a folder that a peer sends')
    .description(
      'Wait for a file or a folder, ask whether it is wanted, and put it into a folder under the ' +
        'name that its sender gives it; nothing that is there is replaced. What came in part is ' +
        'kept, and goes on with the next try. With a code that andvari send has printed: fetch ' +
        'it from there; with several codes from all of them at once, if they are for the ' +
        'same file. With --relay peers may call at that relay too; a code says its own. With ' +
        '--range some bytes of a file come, into NAME.FIRST-LAST, and the code stays good. With ' +
        '-o - and a code the bytes of a file go to standard output, each verified before, and ' +
        'events go to stderr; the code stays good too.',
    )
    .addOption(listenOption('where peers call', 8420))
    .option('-o, --output <folder>', 'where files go; -: to standard output', '.')
    .option('--yes', 'do not ask: take what trusted peers send, or what the code is for')
    .option('--timeout <ms>', 'with a code: time for the session', parseTimeout, 10_000)
    .option(
      '--range <range>',
      'with a code: only these bytes, FIRST-LAST counted from 0, FIRST- or -COUNT',
      parseRange,
    )
    .option('--keep', 'go on after the first file, until Ctrl-C')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExit codes: 0 the file is there, 1 wrong use or input, 2 the peer was lost, ' +
        '3 what came was not the file, 4 there is no place for it.',
    )
    .action((codes: string[], options: ReceiveOptions) => {
      if (options.output === STDOUT) context.divertResults();
      return codes.length === 0 ? receive(options, context) : fetchByCodes(codes, options, context);
    });
}

async function receive(options: ReceiveOptions, context: CommandContext): Promise<void> {
  if (options.range) throw new InputError('--range: wanted the code of the file too');
  if (options.output === STDOUT) throw new InputError('-o -: wanted the code of the file too');
  const { folder: into, data } = readyPlace(options, context);
  // What is wrong with the list is told now, and not to the first who calls.
  loadKnownPeers(context);
  const whom = options.yes ? { trustedPeersFile: knownPeersFile(context) } : { trust: everybody };
  const node = await TransferNode.create({
    ...{ dataFolder: data, identityPath: identityFileOf(options, context) },
    ...{ passphrase: passphraseOf(options, context), ...options.listen, ...whom },
    ...{ relay: relayOf(options), upgrade: options.upgrade, stun: options.stun },
    onTrustError: (error) => tellFailure(error, context),
  });
  await withNode(node, context, async () => {
    const receiver = node.receive({ into });
    tellReady(node, options, context);
    await takeFiles(receiver, options, context);
  });
}

/** Whoever has given the code is the one who sends; who we are is nothing to him. */
async function fetchByCodes(
  codes: string[],
  options: ReceiveOptions,
  context: CommandContext,
): Promise<void> {
  if (options.relay) throw new InputError('a code says itself where it leads: wanted no --relay');
  const called = codes.map(parseCode);
  const relay = relayOfCodes(called);
  const isPiped = options.output === STDOUT;
  const output = isPiped ? '.' : options.output;
  const { folder: into, data } = readyPlace({ ...options, output }, context);
  const { signal } = context;
  const sources = await Promise.all(called.map((one) => placed(one, signal)));
  const node = await TransferNode.create({
    ...{ dataFolder: data, identity: newIdentity(), host: hostFor(sources) },
    ...{ trust: nobody, maxTransfers: sources.length, relay: relayOf(options, relay) },
    ...{ upgrade: options.upgrade, stun: options.stun },
  });
  await withNode(node, context, async () => {
    const call = { signal, timeoutMs: options.timeout };
    if (options.range || isPiped) {
      await readRange(node, sources, { ...options, into }, context);
      return;
    }
    if (sources.length > 1) {
      await fetchFromAll(node, sources, { ...options, into }, context);
      return;
    }
    const from = await node.connect(sources[0] as CalledPeer, call);
    const only = { ...options, keep: false, only: true };
    await takeFiles(node.receive({ into, from }), only, context);
  });
}

/** That of all codes that say one: the node is at one. */
function relayOfCodes(called: CalledPeer[]): WsRelayOptions | undefined {
  const [first, ...others] = called.flatMap(({ relay }) => relay ?? []);
  if (others.every(({ url }) => url === first?.url)) return first;
  throw new InputError('the codes say several relays: wanted one');
}

async function placed({ peerId, address }: CalledPeer, signal: AbortSignal): Promise<CalledPeer> {
  return { peerId, address: address && (await resolvePlace(address, signal)) };
}

/** From where all of them can be called. */
function hostFor(sources: CalledPeer[]): string {
  const addresses = sources.flatMap(({ address }) => address ?? []);
  const hosts = new Set(addresses.map((address) => listenFor(address).host));
  const [first] = addresses;
  return (hosts.size === 1 ? listenFor(first) : listenForAll(first)).host;
}

/** One file from several at once: what they do not all offer is not taken. */
async function fetchFromAll(
  node: TransferNode,
  sources: CalledPeer[],
  options: ReceiveOptions & { into: string },
  context: CommandContext,
): Promise<void> {
  const accept = (offer: FetchOffer) => isWantedOfAll(offer, options, context);
  const { into, timeout: timeoutMs } = options;
  const onEntry = entryTeller(undefined, options, context);
  const begun = node.fetch(sources, { into, timeoutMs, accept, onEntry, signal: context.signal });
  await untilDone('received', begun, options, context);
}

/** Some bytes of it, wherever they come from. */
async function readRange(
  node: TransferNode,
  sources: CalledPeer[],
  options: ReceiveOptions & { into: string },
  context: CommandContext,
): Promise<void> {
  const { range: wanted, into, json, timeout: timeoutMs } = options;
  const output = options.output === STDOUT ? outputFor(context) : undefined;
  const accept = (offer: OpenOffer) => {
    rangeOf(wanted, offer.size);
    return isWantedOfAll({ ...offer, manifest: undefined }, options, context);
  };
  try {
    const file = await node.open(sources, { accept, timeoutMs, signal: context.signal });
    const range = rangeOf(wanted, file.size);
    if (output) await pipeRange(file, { range, output, json }, context);
    else await writeRange(file, { range, into, json }, context);
    await file.close();
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  }
}

export async function isWantedOfAll(
  { name: file, size, hash, manifest, sources }: FetchOffer,
  options: Pick<ReceiveOptions, 'json' | 'yes'>,
  context: CommandContext,
): Promise<boolean> {
  const from = sources.map(({ peerId, authenticationString, way }) => {
    return { peer: peerIdText(peerId), authenticationString, way };
  });
  if (options.json) {
    const blake3 = Buffer.from(hash).toString('hex');
    const event = { event: 'offered', file, bytes: size, blake3, sources: from };
    context.event({ ...event, ...(manifest && { entries: entriesOf(manifest) }) });
  }
  if (options.yes) return true;
  if (manifest) tellEntries(manifest, context);
  for (const one of from) context.note(`  ${one.peer} (${one.authenticationString}, ${one.way})`);
  const count = sources.length === 1 ? '1 source has' : `${sources.length} sources have`;
  const question = `${count} ${whatText(file, manifest)} ${sizeText(size)}. Take it?`;
  return (await confirm(question, context)) === true;
}

/** Shuts it down behind the work, and when the user wants no more of it. */
async function withNode(
  node: TransferNode,
  context: CommandContext,
  work: () => Promise<void>,
): Promise<void> {
  const stop = () => void node.shutdown();
  context.signal.addEventListener('abort', stop, { once: true });
  try {
    await work();
  } finally {
    context.signal.removeEventListener('abort', stop);
    await node.shutdown();
  }
}

/** As the list is now; undefined, and told: it cannot be read. Then nobody is known. */
function knownPeers(context: CommandContext): KnownPeers | undefined {
  try {
    return loadKnownPeers(context);
  } catch (error) {
    tellFailure(error, context);
    return undefined;
  }
}

/** Those who come while somebody is asked, or while the only file comes, wait. */
async function takeFiles(
  receiver: TransferReceiver,
  options: ReceiveOptions,
  context: CommandContext,
): Promise<void> {
  const coming = new Set<Promise<void>>();
  for await (const offer of receiver) {
    if (!(await isWanted(offer, options, context))) {
      await offer.reject();
      if (options.only) throw new FileTransferError('ANDVARI_TRANSFER_REFUSED', 'not taken');
      continue;
    }
    const file = take(offer, { ...options, bar: coming.size === 0 }, context);
    if (!options.keep) {
      await file;
      return;
    }
    const told = file
      .catch((error: unknown) => tellFailure(error, context))
      .finally(() => coming.delete(told));
    coming.add(told);
    // Where somebody is asked, one after the other.
    if (!options.yes) await told;
  }
  await Promise.all(coming);
  // That is how one ends that goes on.
  if (options.keep) return;
  context.signal.throwIfAborted();
  throw endedEarly();
}

/** A file that did not come is no end of a receiver that goes on. */
function tellFailure(error: unknown, context: CommandContext): void {
  if (context.signal.aborted) return;
  const { message, code = 'ANDVARI_INTERNAL' } = error as Error & { code?: string };
  context.note(`andvari: ${message} (${code})`);
}

async function isWanted(
  { name: file, size, manifest, peerId, authenticationString, way }: TransferOffer,
  options: ReceiveOptions,
  context: CommandContext,
): Promise<boolean> {
  const peer = peerIdText(peerId);
  const known = knownPeers(context);
  const name = known?.nameOf(peerId);
  if (options.json) {
    const event = { event: 'offered', peer, name, file, bytes: size, authenticationString, way };
    context.event({ ...event, ...(manifest && { entries: entriesOf(manifest) }) });
  }
  // Nobody else was let in.
  if (options.yes) return true;
  const isStranger = known?.has(peerId) === false;
  const called =
    name === undefined ? `${peer}${isStranger ? ' (not known)' : ''}` : `${name} (${peer})`;
  const who = options.only ? 'whoever gave the code' : called;
  if (manifest) tellEntries(manifest, context);
  const what = whatText(file, manifest);
  const by = `${authenticationString}, ${way}`;
  const question = `${who} (${by}) sends ${what} ${sizeText(size)}. Take it?`;
  // Of a code nobody asked who has made it.
  if (options.only || !isStranger) return (await confirm(question, context)) === true;
  const answer = await confirmOrTrust(question, context);
  if (answer === 'trust') tryToTrust(peerId, context);
  return answer !== 'no';
}

/** The file was wanted in any case. */
function tryToTrust(peerId: Uint8Array, context: CommandContext): void {
  try {
    trustPeer(peerId, context);
  } catch (error) {
    tellFailure(error, context);
  }
}

/** The whole list: whoever is asked sees all that he gets. */
function tellEntries({ entries }: TreeManifest, context: CommandContext): void {
  for (const entry of entries) {
    context.note(entry.isFolder ? `  ${entry.path}/` : `  ${entry.path}  ${sizeText(entry.size)}`);
  }
}

function entriesOf({ entries }: TreeManifest) {
  return entries.map((entry) =>
    entry.isFolder ? { path: `${entry.path}/` } : { path: entry.path, bytes: entry.size },
  );
}

function whatText(file: string, manifest: TreeManifest | undefined): string {
  return manifest ? `"${file}" (${countText(manifest.fileCount)}),` : `"${file}",`;
}

function countText(files: number): string {
  return files === 1 ? 'a folder with 1 file' : `a folder with ${files} files`;
}

async function take(
  offer: TransferOffer,
  options: ReceiveOptions & { bar: boolean },
  context: CommandContext,
): Promise<void> {
  const onEntry = entryTeller(offer.name, options, context);
  await untilDone('received', offer.accept({ onEntry }), options, context);
}

/** Tells each file of a folder that has come whole. */
export function entryTeller(
  of: string | undefined,
  { json }: Pick<ReceiveOptions, 'json'>,
  context: CommandContext,
): (file: FileEntry) => void {
  return ({ path, size: bytes }) => {
    if (json) context.event({ event: 'file', ...(of !== undefined && { of }), path, bytes });
    else context.note(`  ${path}  ${sizeText(bytes)}`);
  };
}

function tellReady(
  node: TransferNode,
  { json, relay }: ReceiveOptions,
  context: CommandContext,
): void {
  const { publicKey, bound } = node;
  const peer = peerIdText(publicKey);
  if (json) {
    context.event({ event: 'ready', peer, ...bound, ...(relay && { relay: relay.url }) });
    return;
  }
  context.note(`listening at ${formatAddress(bound)}; on the other machine:`);
  context.note(`  andvari send PATH ${peer}@HOST:${bound.port}`);
  if (relay) context.note(`  andvari send PATH ${peer} --relay '${relayAddressText(relay)}'`);
}
