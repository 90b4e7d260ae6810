// TransferNode: two of them in this process, over UDP on loopback.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { afterEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { KnownPeers } from './known-peers.ts';
import { type CallOptions, TransferNode } from './node.ts';
import { NodeConfigError, nobody, type TransferNodeConfig } from './node-config.ts';
import { newIdentity } from './node-identity.ts';
import type { TransferOffer, TransferReceiver } from './transfer-receiver.ts';

const PATIENCE_MS = 60_000;
const folder = folderForTests('transfer-node');
const open: TransferNode[] = [];

afterEach(async () => {
  for (const node of open.splice(0)) await node.shutdown();
});

async function nodeOf(config: TransferNodeConfig = {}): Promise<TransferNode> {
  const own = { dataFolder: folder.at(`data-${open.length}`), identity: newIdentity() };
  const node = await TransferNode.create({ ...own, host: '127.0.0.1', ...config });
  open.push(node);
  return node;
}

/** The receiver trusts the sender, by its list. */
async function two(more: TransferNodeConfig = {}) {
  const sender = await nodeOf({ trust: nobody });
  const trustedPeersFile = folder.at('known_peers');
  KnownPeers.load(trustedPeersFile).add(sender.publicKey, 'alice');
  const receiver = await nodeOf({ trustedPeersFile, ...more });
  const [code] = receiver.codes();
  return { sender, receiver, code, into: folder.path };
}

function fileOf(name: string, bytes: Uint8Array): string {
  const path = folder.at(`${name}.sent`);
  writeFileSync(path, bytes);
  return path;
}

async function firstOf(receiver: TransferReceiver): Promise<TransferOffer> {
  for await (const offer of receiver) return offer;
  throw new Error('nobody offers anything');
}

/** A transfer that cannot end by itself: its sender is paused before anything has gone. */
async function held(nodes: Awaited<ReturnType<typeof two>>, options: CallOptions = {}) {
  const { sender, receiver, code, into } = nodes;
  const offers = receiver.receive({ into })[Symbol.asyncIterator]();
  const outgoing = await sender.sendFile(fileOf('held', randomBytes(3 << 20)), code, options);
  outgoing.pause();
  const { value: offer } = await offers.next();
  const incoming = await (offer as TransferOffer).accept();
  return { outgoing, incoming, offers };
}

const ended = (transfer: FileTransfer) => transfer.completion.then(() => '', codeOf);
const codeOf = (error: Error & { code?: string }) => error.code ?? error.message;

describe('a file from one node to another', () => {
  it(
    'is offered, accepted, and there; both tell the same',
    async () => {
      const bytes = randomBytes((2 << 20) + 7);
      const { sender, receiver, code } = await two();
      const path = fileOf('photo', bytes);
      const outgoing = await sender.sendFile(path, code);
      const offer = await firstOf(receiver.receive());
      expect(offer).toMatchObject({ name: 'photo.sent', size: bytes.length, manifest: undefined });
      expect(offer.peerId).toEqual(sender.publicKey);
      expect(offer.authenticationString).toBe(outgoing.authenticationString);
      const incoming = await offer.accept({ into: folder.path });
      expect(sender.transfers).toEqual([outgoing]);
      expect(receiver.transfers).toEqual([incoming]);
      const results = [await outgoing.completion, await incoming.completion];
      expect(results[0]).toMatchObject({ path, bytes: bytes.length });
      expect(results[1]?.path).toBe(folder.at('photo (1).sent'));
      expect(results[0]?.hash).toEqual(results[1]?.hash);
      for (const { durationS, averageRate } of results) {
        expect(durationS).toBeGreaterThan(0);
        expect(averageRate).toBeCloseTo(bytes.length / durationS, 3);
      }
      for (const transfer of [outgoing, incoming]) {
        const { progress, eta, state } = transfer;
        const whole = { bytes: bytes.length, totalBytes: bytes.length, pieces: 9, totalPieces: 9 };
        expect({ progress, eta, state }).toEqual({ progress: whole, eta: 0, state: 'done' });
      }
      expect(readFileSync(folder.at('photo (1).sent'))).toEqual(bytes);
      expect([sender.transfers, receiver.transfers]).toEqual([[], []]);
    },
    PATIENCE_MS,
  );

  it(
    'to a stranger nobody answers',
    async () => {
      const { receiver, code } = await two();
      receiver.receive();
      const stranger = await nodeOf();
      const sending = stranger.sendFile(fileOf('x', Buffer.from('x')), code, { timeoutMs: 1500 });
      await expect(sending).rejects.toMatchObject({ code: 'ANDVARI_UNREACHABLE' });
      expect(stranger.transfers).toEqual([]);
    },
    PATIENCE_MS,
  );

  it('a list that cannot be read is told, and lets nobody in', async () => {
    const errors: unknown[] = [];
    const { sender, code } = await two({
      onTrustError: (error) => errors.push(codeOf(error as Error)),
    });
    writeFileSync(folder.at('known_peers'), 'nonsense\n');
    const call = sender.connect(code, { timeoutMs: 1500 });
    await expect(call).rejects.toMatchObject({ code: 'ANDVARI_UNREACHABLE' });
    expect(errors).toContain('ANDVARI_KNOWN_PEERS');
  });

  it(
    'rejected by hand, and by what receive() is told to accept',
    async () => {
      const { sender, receiver, code, into } = await two();
      const accept = ({ name }: TransferOffer) => name !== 'spam.sent';
      const offers = receiver.receive({ into, accept })[Symbol.asyncIterator]();
      const spam = await sender.sendFile(fileOf('spam', randomBytes(9)), code);
      const other = await sender.sendFile(fileOf('other', randomBytes(9)), code);
      const { value: offer } = await offers.next();
      expect(offer).toMatchObject({ name: 'other.sent' });
      await (offer as TransferOffer).reject();
      expect(await ended(spam)).toBe('ANDVARI_TRANSFER_REFUSED');
      expect(await ended(other)).toBe('ANDVARI_TRANSFER_REFUSED');
      // Who is in the loop no more refuses those who come.
      await offers.return(undefined);
      const late = await sender.sendFile(fileOf('late', randomBytes(9)), code);
      expect(await ended(late)).toBe('ANDVARI_TRANSFER_REFUSED');
      expect(
        readdirSync(into)
          .filter((name) => !name.endsWith('.sent'))
          .sort(),
      ).toEqual(['data-1', 'known_peers', 'known_peers.lock']);
    },
    PATIENCE_MS,
  );
});

describe('a transfer', () => {
  it(
    'tells how it goes, waits while it is paused, and goes on',
    async () => {
      const { outgoing, incoming } = await held(await two());
      expect(outgoing).toMatchObject({ state: 'paused', eta: undefined });
      const kinds: string[] = [];
      for await (const event of outgoing.events({ everyMs: 20 })) {
        kinds.push(event.type);
        if (event.type === 'paused') outgoing.resume();
        if (event.type === 'done') expect(event.result).toEqual(await outgoing.completion);
      }
      expect(kinds.slice(0, 2)).toEqual(['paused', 'resumed']);
      expect(kinds.at(-1)).toBe('done');
      await incoming.completion;
      // Who asks later is told the end.
      for await (const event of incoming.events()) expect(event.type).toBe('done');
      expect(() => incoming.events({ everyMs: 0 })).toThrow(RangeError);
    },
    PATIENCE_MS,
  );

  it.each(['sender', 'receiver'])(
    'cancelled by its %s: both hear of it, and its place is free',
    async (who) => {
      const nodes = await two({ maxTransfers: 1 });
      const { outgoing, incoming } = await held(nodes);
      await (who === 'sender' ? outgoing : incoming).cancel();
      expect(await ended(outgoing)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(await ended(incoming)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(outgoing.state).toBe('failed');
      const events = [];
      for await (const event of outgoing.events()) events.push(event);
      expect(events).toMatchObject([{ type: 'failed' }]);
      expect(nodes.sender.transfers).toEqual([]);
      expect(nodes.receiver.transfers).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'a signal ends it, while it goes and before',
    async () => {
      const nodes = await two();
      const stop = new AbortController();
      const reason = new Error('no more');
      const { outgoing, incoming } = await held(nodes, { signal: stop.signal });
      stop.abort(reason);
      expect(await ended(outgoing)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(await ended(incoming)).toBe('ANDVARI_TRANSFER_CANCELLED');
      const { sender, code } = nodes;
      const late = sender.sendFile(folder.at('held.sent'), code, { signal: stop.signal });
      await expect(late).rejects.toBe(reason);
    },
    PATIENCE_MS,
  );

  it(
    'one more than there may be is refused, and an offer waits until one has ended',
    async () => {
      const nodes = await two({ maxTransfers: 2 });
      const { sender, receiver, code } = nodes;
      const first = await held(nodes);
      const session = await sender.connect(code);
      const offers: TransferOffer[] = [];
      const outgoing: FileTransfer[] = [];
      for (const name of ['two', 'three']) {
        outgoing.push(await sender.sendFile(fileOf(name, randomBytes(9)), session));
        offers.push((await first.offers.next()).value as TransferOffer);
      }
      outgoing[0]?.pause();
      await offers[0]?.accept();
      const refused = { code: 'ANDVARI_TOO_MANY_TRANSFERS' };
      await expect(offers[1]?.accept()).rejects.toMatchObject(refused);
      await expect(receiver.sendFile('any', code)).rejects.toMatchObject(refused);
      first.outgoing.resume();
      await first.incoming.completion;
      await (await offers[1]?.accept())?.completion;
      await outgoing[1]?.completion;
      expect(session.isOpen).toBe(true);
    },
    PATIENCE_MS,
  );
});

describe('a node', () => {
  it.each([
    [{ prot: 1 }, /there is no prot/],
    [{ port: 65_536 }, /port: wanted a whole number/],
    [{ maxTransfers: 0 }, /maxTransfers/],
    [{ backend: 'io_uring' }, /backend: wanted auto or/],
    [{ backend: 'af_xdp' }, /interface: wanted, for af_xdp/],
    [{ backend: 'mmsg', interface: 'eth0' }, /wanted for the backend af_xdp only/],
    [{ queues: 2 }, /wanted for the backend af_xdp only/],
    [{ backend: 'af_xdp', interface: 'eth0', queues: 65 }, /queues: wanted a whole number/],
    [{ trust: true }, /trust: wanted a function/],
    [{ host: 4 }, /host: wanted a string/],
    [{ identity: newIdentity(), passphrase: 'x' }, /identity: wanted alone/],
    [null, /config: wanted an object/],
    [{ relay: 'https://relay.example' }, /wanted the address of a relay/],
    [{ relay: { url: 'https://relay.example' } }, /url: wanted a wss:/],
    [{ relay: 'wss://relay.example', identity: { peerId: 1 } }, /identity.signer/],
  ])('of %o is none', async (config, why) => {
    const creating = TransferNode.create(config as TransferNodeConfig);
    await expect(creating).rejects.toThrow(NodeConfigError);
    await expect(TransferNode.create(config as TransferNodeConfig)).rejects.toThrow(why);
  });

  it('whose identity is nowhere says so', async () => {
    const creating = TransferNode.create({ dataFolder: folder.path });
    await expect(creating).rejects.toMatchObject({ code: 'ANDVARI_IDENTITY_MISSING' });
  });

  it('calls peers by their names, and only by those', async () => {
    const { receiver, sender } = await two();
    const [, place] = sender.codes()[0].split('@');
    const unknown = receiver.connect(`bob@${place}`);
    await expect(unknown).rejects.toMatchObject({ code: 'ANDVARI_PEER_UNKNOWN' });
    const known = receiver.connect(`alice@${place}`, { timeoutMs: 500 });
    await expect(known).rejects.toMatchObject({ code: 'ANDVARI_UNREACHABLE' });
  });

  it('receives once', async () => {
    const { receiver } = await two();
    receiver.receive();
    const again = { code: 'ANDVARI_NODE_RECEIVES' };
    expect(() => receiver.receive()).toThrow(expect.objectContaining(again));
    const other = await nodeOf();
    expect(() => other.receive({ out: 'x' } as object)).toThrow(/there is no out/);
  });

  it(
    'that is shut down ends all that goes and comes, and takes nothing more',
    async () => {
      const { sender, receiver, code, into } = await two();
      const { outgoing, incoming, offers } = await held({ sender, receiver, code, into });
      const session = await sender.connect(code);
      const calling = sender.connect(code.replace(/:\d+$/, ':9')).catch(codeOf);
      const next = offers.next();
      await Promise.all([sender.shutdown(), sender.shutdown(), receiver[Symbol.asyncDispose]()]);
      expect(await ended(outgoing)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(await ended(incoming)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(session.isOpen).toBe(false);
      const closed = { code: 'ANDVARI_NODE_CLOSED' };
      expect(await calling).toBe('ANDVARI_NODE_CLOSED');
      expect((await next).done).toBe(true);
      await expect(sender.sendFile('any', code)).rejects.toMatchObject(closed);
      await expect(sender.connect(code)).rejects.toMatchObject(closed);
      expect(() => receiver.receive()).toThrow(expect.objectContaining(closed));
      const sockets = process.getActiveResourcesInfo().filter((name) => name === 'UDPWRAP');
      expect(sockets).toEqual([]);
    },
    PATIENCE_MS,
  );
});

describe('compress', () => {
  const text = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `line ${n}\n`).join(''));

  /** Bytes that left a session while a file went by it. */
  async function sentFor(bytes: Uint8Array, compress: boolean | undefined): Promise<number> {
    const { sender, receiver, code, into } = await two();
    const session = await sender.connect(code);
    const offers = receiver.receive({ into });
    const outgoing = await sender.sendFile(fileOf('some', bytes), session, { compress });
    const incoming = await (await firstOf(offers)).accept();
    const { path } = await incoming.completion;
    await outgoing.completion;
    expect(readFileSync(path)).toEqual(bytes);
    return session.statistics()?.BYTES_SENT ?? 0;
  }

  it('sends a text with less than half of its bytes', async () => {
    expect(await sentFor(text, true)).toBeLessThan(text.length / 2);
  });

  it('is not done unasked', async () => {
    expect(await sentFor(text, undefined)).toBeGreaterThan(text.length);
  });

  it('does not make more of what gains nothing', async () => {
    const bytes = randomBytes(400_000);
    expect(await sentFor(bytes, true)).toBeLessThan(bytes.length * 1.15);
  });

  it('is true or false', async () => {
    const { sender, code } = await two();
    const odd = { compress: 1 as unknown as boolean };
    const sending = sender.sendFile(fileOf('some', text), code, odd);
    await expect(sending).rejects.toThrow(TypeError);
  });
});
