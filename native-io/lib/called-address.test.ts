// A datagram socket that is bound to all addresses answers from the one that was called.
import { spawnSync } from 'node:child_process';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DatagramSocket } from './datagram-socket.ts';
import { PathField, TransferPacket } from './generated/border.ts';
import { loadNative } from './index.ts';
import { loadTestModule } from './testing/test-module.ts';
import { bindUdp } from './testing/udp-client.ts';
import { CLIENT_IP6, SERVER_IP6, Veth, whyNoXdp } from './testing/veth.ts';

const native = loadNative();
const PAGE = 65_536;
const SOON = { timeout: 60_000, interval: 2 };
const OUTGOING = 2 * PAGE;
const SENT = 3 * PAGE;
const FAR_END_BYTES = 24;
const LETTER_BYTES = 32;
/** Addresses that are told apart (src/local-addresses.h). */
const NUMBERS = 256;

type Work = <T>(work: () => T) => T;
const here: Work = (work) => work();

/** A datagram socket and what came to it. */
class Server {
  readonly socket: DatagramSocket;
  readonly farEnds: Uint8Array[] = [];
  readonly texts: string[] = [];
  private readonly memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
  private readonly letters = new Uint8Array(2048);

  constructor(host: string, inside: Work = here) {
    if ('missing' in native) throw new Error(native.missing);
    const places = { outgoing: OUTGOING, outgoingBytes: PAGE, sent: SENT, letters: this.letters };
    const incoming = { memory: this.memory, incoming: 0, incomingBytes: 2 * PAGE };
    this.socket = inside(() => native.openDatagrams({ ...places, ...incoming, host, port: 0 }));
  }

  receive(): void {
    const view = new DataView(this.letters.buffer);
    for (let left = this.socket.receive(), at = 0; left > 0; left--, at += LETTER_BYTES) {
      const [offset, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const bytes = new Uint8Array(this.memory.buffer, offset, length);
      this.texts.push(Buffer.from(bytes).toString());
      this.farEnds.push(this.letters.slice(at + 8, at + LETTER_BYTES));
    }
  }

  async received(count: number): Promise<void> {
    await vi.waitFor(() => {
      this.receive();
      expect(this.farEnds.length).toBeGreaterThanOrEqual(count);
    }, SOON);
  }

  /** Sends numbers 0 to 255, one byte `length` times, to these far ends: by the engine's table. */
  sendAll(farEnds: readonly Uint8Array[], length = 4): void {
    const bytes = new Uint8Array(this.memory.buffer);
    const view = new DataView(this.memory.buffer);
    farEnds.forEach((farEnd, i) => {
      const entry = SENT + i * TransferPacket.BYTES;
      bytes.fill(i, OUTGOING + i * length, OUTGOING + (i + 1) * length);
      view.setUint32(entry + TransferPacket.OFFSET, OUTGOING + i * length, true);
      view.setUint32(entry + TransferPacket.LENGTH, length, true);
      bytes.set(farEnd, entry + TransferPacket.PATH);
    });
    expect(this.socket.send(farEnds.length)).toBe(0);
  }
}

/** Somebody who calls, and where its answers came from. */
class Caller {
  readonly answers: [from: string, first: number][] = [];
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (message, { address }: RemoteInfo) => {
      this.answers.push([address, message[0] ?? -1]);
    });
  }

  call(host: string, port: number, inside: Work = here): Promise<void> {
    return new Promise((resolve, reject) => {
      inside(() =>
        this.socket.send(host, port, host, (error) => (error ? reject(error) : resolve())),
      );
    });
  }

  async answered(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.answers.length).toBeGreaterThanOrEqual(count), SOON);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(resolve));
  }
}

const localOf = (farEnd: Uint8Array) =>
  new DataView(farEnd.buffer, farEnd.byteOffset).getUint16(PathField.LOCAL, true);

function withLocal(farEnd: Uint8Array, local: number): Uint8Array {
  const copy = Uint8Array.from(farEnd);
  new DataView(copy.buffer).setUint16(PathField.LOCAL, local, true);
  return copy;
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function serve(host: string, inside?: Work): Server {
  const server = new Server(host, inside);
  closers.push(() => server.socket.close());
  return server;
}

async function caller(host: string, inside?: Work): Promise<Caller> {
  const one = new Caller(await bindUdp(host, 0, inside));
  closers.push(() => one.close());
  return one;
}

describe.skipIf('missing' in native)('a socket bound to all addresses', () => {
  it.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '127.0.0.1'],
    ['::ffff:0.0.0.0', '127.0.0.1'],
  ])('%s: answers from the one that was called', async (host, from) => {
    const server = serve(host);
    const one = await caller(from);
    const called = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.2'];
    for (const [i, to] of called.entries()) {
      await one.call(to, server.socket.port);
      await server.received(i + 1);
      server.socket.sendTo(Uint8Array.of(i), server.farEnds[i] as Uint8Array);
      await one.answered(i + 1);
    }
    expect(one.answers).toEqual(called.map((address, i) => [address, i]));
    expect(server.farEnds.map(localOf)).toEqual([1, 2, 3, 2]);
    expect(server.farEnds.every(({ length }) => length === FAR_END_BYTES)).toBe(true);
  });

  it('does so for packets of one table, joined or not', async () => {
    const server = serve('0.0.0.0');
    const one = await caller('127.0.0.1');
    for (const to of ['127.0.0.1', '127.0.0.2']) await one.call(to, server.socket.port);
    await server.received(2);
    const from = (i: number) => (i < 20 ? 0 : i < 40 ? 1 : i % 2);
    const packets = Array.from({ length: 64 }, (_, i) => server.farEnds[from(i)] as Uint8Array);
    server.sendAll(packets, 1000);
    await one.answered(64);
    const wanted = packets.map((_, i) => [server.texts[from(i)], i]);
    expect(one.answers.sort(([, a], [, b]) => a - b)).toEqual(wanted);
    expect(server.socket.counters()).toMatchObject({ sent: 64, dropped: 0, tooLarge: 0 });
  });

  it('leaves it to the kernel where no address is named, or one that nobody called', async () => {
    const server = serve('0.0.0.0');
    const one = await caller('127.0.0.1');
    await one.call('127.0.0.2', server.socket.port);
    await server.received(1);
    const [farEnd = new Uint8Array()] = server.farEnds;
    const others = [0, 2, NUMBERS, NUMBERS + 1, 0xffff].map((local) => withLocal(farEnd, local));
    server.sendAll(others);
    for (const other of others) server.socket.sendTo(Uint8Array.of(99), other);
    await one.answered(2 * others.length);
    expect(new Set(one.answers.map(([address]) => address))).toEqual(new Set(['127.0.0.1']));
    expect(server.socket.counters()).toMatchObject({ dropped: 0, refused: 0 });
  });

  it('leaves it to the kernel where the address is of the other family', async () => {
    const server = serve('::');
    const [v4, v6] = [await caller('127.0.0.1'), await caller('::1')];
    await v4.call('127.0.0.2', server.socket.port);
    await v6.call('::1', server.socket.port);
    await server.received(2);
    const [a = new Uint8Array(), b = new Uint8Array()] = server.farEnds;
    server.sendAll([withLocal(a, localOf(b)), withLocal(b, localOf(a))]);
    await v4.answered(1);
    await v6.answered(1);
    expect([...v4.answers, ...v6.answers]).toEqual([
      ['127.0.0.1', 0],
      ['::1', 1],
    ]);
  });

  it(`tells ${NUMBERS} addresses apart, those that were called last`, async () => {
    const server = serve('0.0.0.0');
    const one = await caller('127.0.0.1');
    const address = (i: number) => `127.1.${i >> 8}.${i & 255}`;
    const count = NUMBERS + 40;
    for (let i = 1; i <= count; i++) {
      await one.call(address(i), server.socket.port);
      await server.received(i);
      // The first goes on being called.
      if (i % 50 !== 0) continue;
      await one.call(address(1), server.socket.port);
      await server.received(i + 1);
      server.farEnds.pop();
      server.texts.pop();
    }
    expect(Math.max(...server.farEnds.map(localOf))).toBe(NUMBERS);
    const known = [1, ...Array.from({ length: NUMBERS - 1 }, (_, i) => count - i)];
    for (const i of known)
      server.socket.sendTo(Uint8Array.of(0), server.farEnds[i - 1] as Uint8Array);
    await one.answered(known.length);
    expect(one.answers.map(([from]) => from).sort()).toEqual(known.map(address).sort());
    // The second gave way: its number is another's, and nothing fails.
    server.socket.sendTo(Uint8Array.of(1), server.farEnds[1] as Uint8Array);
    await one.answered(known.length + 1);
    expect(one.answers.at(-1)?.[0]).not.toBe(address(2));
  });
});

describe.skipIf('missing' in native)('a socket bound to one address', () => {
  it('numbers nothing', async () => {
    const server = serve('127.0.0.2');
    const one = await caller('127.0.0.1');
    await one.call('127.0.0.2', server.socket.port);
    await server.received(1);
    const [farEnd = new Uint8Array()] = server.farEnds;
    expect(localOf(farEnd)).toBe(0);
    server.sendAll([farEnd, withLocal(farEnd, 1)]);
    await one.answered(2);
    expect(one.answers).toEqual([
      ['127.0.0.2', 0],
      ['127.0.0.2', 1],
    ]);
  });
});

const why = whyNoXdp();
describe.skipIf('missing' in native || why !== undefined)(`in namespaces ${why ?? ''}`, () => {
  let veth: Veth;
  const inServer: Work = (work) => loadTestModule().inNamespace(veth.server, work);
  const inClient: Work = (work) => loadTestModule().inNamespace(veth.client, work);
  const SECOND_IP = '10.77.0.9';
  const SECOND_IP6 = 'fd77::9';
  const LINK_SERVER = 'fe80::77:1';
  const LINK_CLIENT = 'fe80::77:2';

  const ip = (namespace: string, ...command: string[]) => {
    const { status, stderr } = spawnSync('ip', ['-n', namespace, ...command]);
    if (status !== 0) throw new Error(`ip ${command.join(' ')}: ${stderr.toString()}`);
  };
  beforeAll(() => {
    veth = new Veth();
    const { server, client } = veth;
    for (const network of [`${SECOND_IP}/24`, `${SECOND_IP6}/64`, `${LINK_SERVER}/64`]) {
      const more = network.includes(':') ? ['nodad'] : [];
      ip(server, 'addr', 'add', network, 'dev', 'vs', ...more);
    }
    ip(client, 'addr', 'add', `${LINK_CLIENT}/64`, 'dev', 'vc', 'nodad');
  });
  afterAll(() => veth?.remove());

  it(':: answers from the IPv6 address that was called, packets of one table too', async () => {
    const server = serve('::', inServer);
    const one = await caller(CLIENT_IP6, inClient);
    const called = [SERVER_IP6, SECOND_IP6, SERVER_IP6];
    for (const to of called) await one.call(to, server.socket.port);
    await server.received(3);
    const packets = server.farEnds.flatMap((farEnd) => Array<Uint8Array>(10).fill(farEnd));
    server.sendAll(packets, 1000);
    await one.answered(30);
    const wanted = packets.map((_, i) => [called[Math.floor(i / 10)], i]);
    expect(one.answers.sort(([, a], [, b]) => a - b)).toEqual(wanted);
  });

  it('answers link-local callers by the interface that they called by', async () => {
    const server = serve('::', inServer);
    const one = await caller(`${LINK_CLIENT}%vc`, inClient);
    await one.call(`${LINK_SERVER}%vc`, server.socket.port, inClient);
    await server.received(1);
    server.sendAll(server.farEnds);
    server.socket.sendTo(Uint8Array.of(1), server.farEnds[0] as Uint8Array);
    await one.answered(2);
    expect(one.answers.map(([from]) => from.replace(/%.*/, ''))).toEqual(
      Array(2).fill(LINK_SERVER),
    );
  });

  it.each([
    ['0.0.0.0', '10.77.0.8', '10.77.0.2', '10.77.0.1'],
    ['::', '10.77.0.8', '10.77.0.2', '10.77.0.1'],
    ['::', 'fd77::8', CLIENT_IP6, undefined],
  ])('%s: what can leave from %s no more leaves all the same', async (host, gone, from, other) => {
    const network = isIPv6(gone) ? [`${gone}/64`] : [`${gone}/24`];
    ip(veth.server, 'addr', 'add', ...network, 'dev', 'vs', ...(isIPv6(gone) ? ['nodad'] : []));
    const server = serve(host, inServer);
    const one = await caller(from, inClient);
    await one.call(gone, server.socket.port);
    await server.received(1);
    const [farEnd = new Uint8Array()] = server.farEnds;
    server.sendAll([farEnd]);
    await one.answered(1);
    ip(veth.server, 'addr', 'del', ...network, 'dev', 'vs');
    server.sendAll(Array<Uint8Array>(5).fill(farEnd), 1000);
    server.socket.sendTo(Uint8Array.of(9), farEnd);
    await one.answered(7);
    const [first, ...rest] = one.answers.map(([address]) => address);
    expect(first).toBe(gone);
    for (const address of rest) {
      if (other) expect(address).toBe(other);
      else expect(address).not.toBe(gone);
    }
    expect(server.socket.counters()).toMatchObject({ sent: 7, dropped: 0, tooLarge: 0 });
  });
});
