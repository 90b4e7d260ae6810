// andvari send, receive and ping by way of andvari relay, each a process of its own, on loopback.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { ChildProgram } from './child-program.ts';
import { twoNodes } from './testing/two-nodes.ts';

const nodes = twoNodes('by-relay');
const { folder } = nodes;
const atEnd = closedAfterEach();
const PATIENCE_MS = 60_000;

async function relay(...words: string[]) {
  const child = new ChildProgram(['relay', '--json', ...words]);
  nodes.children.push(child);
  const { urls, address, certificateHashes } = (await child.event('ready')) as {
    urls: [string];
    address: string;
    certificateHashes: string[];
  };
  return { child, address, url: urls[0], hashes: certificateHashes };
}
const HERE = ['--listen', '127.0.0.1:0'];
const FAST = ['--rate', '100000000'];
const STAYS = ['--no-upgrade'];
const plainRelay = (...words: string[]) => relay(...HERE, '--plain', ...words);

async function receiving(url: string, ...more: string[]) {
  const { receiver } = await nodes.receiving('--relay', url, ...STAYS, ...more);
  return receiver;
}
const sending = (path: string, url: string, ...more: string[]) =>
  nodes.run('sender', ['send', path, nodes.receiverId, '--relay', url, ...STAYS, ...more]);

async function ended(child: ChildProgram, code = 0): Promise<void> {
  expect(await child.ended, child.err).toMatchObject({ code });
}

/** In front of a relay: keeps what it sends, and may change what is sent to it. */
async function proxyOf(address: string, change = (bytes: Buffer) => bytes) {
  const seen: Buffer[] = [];
  const port = Number(address.split(':').at(-1));
  const server = createServer((client) => {
    const behind = connect(port, '127.0.0.1');
    client.on('data', (bytes) => behind.write(change(bytes)));
    behind.on('data', (bytes) => {
      seen.push(bytes);
      client.write(bytes);
    });
    for (const [one, other] of [
      [client, behind],
      [behind, client],
    ] as const) {
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => void server.close());
  return { seen, port: (server.address() as AddressInfo).port };
}

describe('a file by way of a relay', () => {
  it(
    'comes whole, and of it the relay has sealed packets alone',
    async () => {
      const secret = Buffer.from('0123456789ABCDEF');
      const bytes = Buffer.alloc(400_000, secret);
      const path = nodes.fileOf('x.bin', bytes);
      const proxy = await proxyOf((await plainRelay(...FAST)).address);
      const url = `ws://127.0.0.1:${proxy.port}/relay`;
      const receiver = await receiving(url);
      const sender = sending(path, url);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
      for (const [child, last] of [
        [sender, 'sent'],
        [receiver, 'received'],
      ] as const) {
        expect(await child.event('offered')).toMatchObject({ way: 'relayed' });
        expect(await child.event(last)).toMatchObject({ way: 'relayed', bytes: bytes.length });
      }
      // A server's frames are not masked: what it forwards lies in them as it is.
      const forwarded = Buffer.concat(proxy.seen);
      expect(forwarded.length).toBeGreaterThan(bytes.length);
      expect(forwarded.includes(secret)).toBe(false);
    },
    PATIENCE_MS,
  );

  it(
    'goes on when the relay was killed and is started again',
    async () => {
      const rate = ['--rate', '2000000'];
      const first = await plainRelay(...rate);
      const bytes = randomBytes(5_000_000);
      const path = nodes.fileOf('x.bin', bytes);
      const receiver = await receiving(first.url);
      const sender = sending(path, first.url);
      await sender.event('progress');
      first.child.child.kill('SIGKILL');
      await first.child.ended;
      expect(sender.events('sent')).toEqual([]);
      await relay('--listen', first.address, '--plain', ...rate);
      await ended(sender);
      await ended(receiver);
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
    },
    PATIENCE_MS,
  );

  it(
    'by a code that says the relay, and the hash of its certificate',
    async () => {
      const { url, hashes } = await relay(...HERE);
      const bytes = randomBytes(300_000);
      const path = nodes.fileOf('x.bin', bytes);
      const address = `${url}#${hashes.join(',')}`;
      const sender = nodes.run('sender', ['send', path, '--relay', address]);
      const { codes } = (await sender.event('ready')) as unknown as { codes: string[] };
      const [code = '', ...others] = codes;
      expect(code.endsWith(`@${address}`)).toBe(true);
      for (const other of others) expect(other).toMatch(/^[a-z2-7]{55}@[^/]+:\d+$/);
      const fetching = ['receive', code, '--yes', ...STAYS, '-o', folder.at('in')];
      const refused = nodes.run('receiver', [...fetching, '--relay', address]);
      const receiver = nodes.run('receiver', fetching);
      await ended(refused, 1);
      await ended(receiver);
      await ended(sender);
      expect(await receiver.event('received')).toMatchObject({ way: 'relayed' });
      expect(readFileSync(folder.at('in/x.bin')).equals(bytes)).toBe(true);
    },
    PATIENCE_MS,
  );

  it(
    'goes directly to a peer whose address is said; a ping goes either way',
    async () => {
      const { url } = await plainRelay();
      const { receiver, peer } = await nodes.receiving('--relay', url);
      const pings = (
        [
          [[nodes.receiverId, '--relay', url], 'relayed'],
          // Of one identity: neither takes the other's place at the relay.
          [[`${nodes.receiverId}@${url}`], 'relayed'],
          [[peer, '--relay', url], 'direct'],
        ] as const
      ).map(([words, way]) => ({
        ping: nodes.run('sender', ['ping', ...words, '-c', '3', '-i', '0.3']),
        way,
      }));
      for (const { ping, way } of pings) {
        await ended(ping);
        expect(await ping.event('connected')).toMatchObject({ way });
        expect(await ping.event('summary')).toMatchObject({ answered: 3, lost: 0 });
      }
      const path = nodes.fileOf('x.bin', randomBytes(1000));
      const sender = nodes.run('sender', ['send', path, peer, '--relay', url]);
      await ended(sender);
      await ended(receiver);
      expect(await sender.event('sent')).toMatchObject({ way: 'direct' });
      expect(await receiver.event('received')).toMatchObject({ way: 'direct' });
    },
    PATIENCE_MS,
  );
});

describe('without', () => {
  /** One line for people, and nothing has come. */
  async function failing(child: ChildProgram, code: number, told: RegExp): Promise<void> {
    await ended(child, code);
    expect(child.err).toMatch(told);
    expect(child.err.trimEnd().split('\n')).toHaveLength(1);
    expect(readdirSync(folder.at('in'))).toEqual([]);
  }
  const file = () => nodes.fileOf('x.bin', randomBytes(10));

  it(
    'the peer at the relay (2)',
    async () => {
      const { url } = await plainRelay();
      const sender = sending(file(), url, '--timeout', '1500');
      await failing(sender, 2, /the peer is not at this relay \(ANDVARI_UNREACHABLE\)/);
    },
    PATIENCE_MS,
  );

  it(
    'a relay at that name, or at that port (2)',
    async () => {
      const path = file();
      const told = /relay .* cannot be reached: .*\(ANDVARI_RELAY_UNREACHABLE\)/;
      const nowhere = sending(path, 'wss://nowhere.invalid/relay');
      const words = ['receive', '--yes', '-o', folder.at('in'), '--listen', '127.0.0.1:0'];
      const { child, url } = await plainRelay();
      child.child.kill('SIGTERM');
      await child.ended;
      await failing(nodes.run('receiver', [...words, '--relay', url]), 2, told);
      await failing(nowhere, 2, told);
    },
    PATIENCE_MS,
  );

  it(
    'a relay that takes us in (4), or whose certificate is the one meant',
    async () => {
      const path = file();
      // It is dialed by one name, and called by another: the signature is for the first.
      const [{ address }, other] = await Promise.all([plainRelay(), relay(...HERE)]);
      const { port } = await proxyOf(address, (bytes) =>
        bytes.toString('latin1').startsWith('GET ')
          ? Buffer.from(bytes.toString('latin1').replace(/Host: .*/i, `Host: ${address}`), 'latin1')
          : bytes,
      );
      const told = /the relay localhost refuses us: .*\(ANDVARI_RELAY_REFUSED\)/;
      const refused = sending(path, `ws://localhost:${port}/relay`);
      const wrong = sending(path, `${other.url}#${'0'.repeat(64)}`);
      await failing(refused, 4, told);
      await failing(wrong, 3, /its hash is not .*\(ANDVARI_CERTIFICATE_REFUSED\)/);
    },
    PATIENCE_MS,
  );

  it(
    'a relay, or with what is none (1)',
    async () => {
      const path = file();
      const words = ['send', path, nodes.receiverId];
      const none = nodes.run('sender', words);
      const wrong = nodes.run('sender', [...words, '--relay', 'https://relay.example']);
      await failing(none, 1, /PEER@HOST:PORT.*\(ANDVARI_PEER_ADDRESS\)/);
      await failing(wrong, 1, /\(ANDVARI_USAGE\)/);
    },
    PATIENCE_MS,
  );
});
