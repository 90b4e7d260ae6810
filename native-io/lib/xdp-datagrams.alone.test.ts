// AF_XDP beside a datagram socket: what is listed comes by it, everything else by the socket, and
// both are told alike; nothing stays behind, and every refusal says what mends it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LETTER_BYTES } from './datagram-socket.ts';
import { checksumU16BE, patched, udpFrame } from './testing/packet-shapes.ts';
import { heldDescriptors, pinnedKiB } from './testing/process-holdings.ts';
import { loadTestModule } from './testing/test-module.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, Veth, whyNoXdp } from './testing/veth.ts';
import type { XdpDatagramWorkerData } from './testing/xdp-datagram-worker.ts';
import {
  type OpenedXdpDatagrams,
  openXdpDatagrams,
  type XdpDatagramWishes,
} from './testing/xdp-datagrams.ts';

const whyNot = whyNoXdp();
const module = whyNot ? undefined : loadTestModule();
const workerFile = fileURLToPath(new URL('./testing/xdp-datagram-worker.ts', import.meta.url));
const SOON = { timeout: 60_000, interval: 2 };
const LISTED = 0xc1d0_0001;
const OTHER_PORT = 25_002;
/** Numbers of linux/capability.h. */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const CAP_BPF = 39;

/** A payload that begins with a prefix. */
function payload(prefix: number, number = 0, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).map((_, i) => (number * 31 + i * 7) & 255);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, prefix);
  view.setUint32(4, number);
  return bytes;
}

interface Letter {
  bytes: Uint8Array;
  farEnd: Uint8Array;
  inFrames: boolean;
}

describe.skipIf(whyNot)(`datagrams by AF_XDP${whyNot ? ` (DID NOT RUN: ${whyNot})` : ''}`, () => {
  let veth: Veth;
  const opened: OpenedXdpDatagrams[] = [];
  const descriptors: number[] = [];
  beforeAll(() => {
    veth = new Veth({ queues: 2 });
  });
  afterAll(() => veth?.remove());
  afterEach(() => {
    for (const { socket } of opened.splice(0)) socket.close();
    for (const one of descriptors.splice(0)) module!.closeSocket(one);
  });

  const open = (own: Partial<XdpDatagramWishes> = {}) => {
    const wishes = { host: SERVER_IP, interface: veth.serverInterface, ...own };
    const one = module!.inNamespace(veth.server, () => openXdpDatagrams(wishes));
    opened.push(one);
    return one;
  };

  /** A socket in the client's namespace. */
  const client = (host = CLIENT_IP, port = 0) => {
    const socket = module!.inNamespace(veth.client, () => module!.openUdpSocket(host, port));
    descriptors.push(socket);
    return (bytes: Uint8Array, to: string, toPort: number) =>
      module!.sendTo(socket, bytes, to, toPort);
  };

  /** Frames as they are, from the client's end. */
  const wire = () => {
    const socket = module!.inNamespace(veth.client, () =>
      module!.openPacketSocket(veth.clientInterface),
    );
    descriptors.push(socket);
    const mac = (namespace: string, name: string) =>
      Uint8Array.from(veth.macOf(namespace, name).split(':'), (part) => Number.parseInt(part, 16));
    const ends = { fromIp: CLIENT_IP, toIp: SERVER_IP };
    const macs = {
      to: mac(veth.server, veth.serverInterface),
      from: mac(veth.client, veth.clientInterface),
    };
    return {
      frame: (toPort: number, bytes: Uint8Array) =>
        udpFrame({ ...ends, ...macs, toPort, payload: bytes }),
      send: (frame: Uint8Array) => module!.send(socket, frame),
    };
  };

  const take = ({ socket, letters, bytes, frames }: OpenedXdpDatagrams): Letter[] => {
    const count = socket.receive();
    const view = new DataView(letters.buffer);
    return Array.from({ length: count }, (_, i) => {
      const at = i * LETTER_BYTES;
      const [offset, length] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      return {
        bytes: bytes.slice(offset, offset + length),
        farEnd: letters.slice(at + 8, at + LETTER_BYTES),
        inFrames: offset >= frames,
      };
    });
  };

  const heard = async (one: OpenedXdpDatagrams, wanted: number): Promise<Letter[]> => {
    const all: Letter[] = [];
    await vi.waitFor(() => {
      all.push(...take(one));
      expect(all.length).toBeGreaterThanOrEqual(wanted);
    }, SOON);
    return all;
  };

  it.each([
    ['IPv4', SERVER_IP, SERVER_IP, CLIENT_IP],
    ['IPv6', SERVER_IP6, SERVER_IP6, CLIENT_IP6],
    ['IPv4 at 0.0.0.0', '0.0.0.0', SERVER_IP, CLIENT_IP],
    ['IPv6 at ::', '::', SERVER_IP6, CLIENT_IP6],
    ['IPv4 at ::', '::', SERVER_IP, CLIENT_IP],
  ])('%s: what is listed comes by it, and is told as the socket tells it', async (...of) => {
    const [, host, to, from] = of;
    const one = open({ host });
    const { socket } = one;
    const send = client(from, 40_123);
    expect(socket.xdp).toMatchObject({ mode: 'native', queues: 2 });
    send(payload(LISTED, 1), to, socket.port);
    const [bySocket] = await heard(one, 1);
    expect(bySocket).toMatchObject({ bytes: payload(LISTED, 1), inFrames: false });
    expect(socket.addPrefix(LISTED)).toBe(true);
    for (const length of [8, 100, 1400]) {
      send(payload(LISTED, 2, length), to, socket.port);
      const [byXdp] = await heard(one, 1);
      expect(byXdp).toEqual({
        bytes: payload(LISTED, 2, length),
        farEnd: bySocket?.farEnd,
        inFrames: true,
      });
    }
    expect(socket.removePrefix(LISTED)).toBe(true);
    expect(socket.removePrefix(LISTED)).toBe(true);
    send(payload(LISTED, 3), to, socket.port);
    expect(await heard(one, 1)).toMatchObject([{ bytes: payload(LISTED, 3), inFrames: false }]);
    expect(socket.counters()).toMatchObject({ received: 5, dropped: 0, refused: 0 });
    expect(socket.xdpStatistics()).toMatchObject({ packets: 3, malformed: 0, kernelDropped: 0 });
  });

  it('foreign prefixes, fragments and options come by the socket', async () => {
    const one = open();
    const { socket } = one;
    socket.addPrefix(LISTED);
    const send = client();
    const { frame, send: put } = wire();
    send(payload(LISTED ^ 1, 1), SERVER_IP, socket.port);
    send(payload(LISTED, 2, 4000), SERVER_IP, socket.port);
    send(Uint8Array.of(0xc1, 0xd0, 0), SERVER_IP, socket.port);
    // Four bytes of "no operation" behind the header.
    const plain = frame(socket.port, payload(LISTED, 3));
    const longer = Uint8Array.from([...plain.slice(0, 34), 1, 1, 1, 1, ...plain.slice(34)]);
    const total = patched(patched(longer, 14, 0x46), 16, 0, 132);
    const sum = checksumU16BE(patched(total, 24, 0, 0).subarray(14, 38));
    put(patched(total, 24, sum >> 8, sum & 0xff));
    const letters = await heard(one, 4);
    expect(letters.map(({ bytes }) => bytes.length).sort((a, b) => a - b)).toEqual([
      3, 100, 100, 4000,
    ]);
    expect(letters.some(({ inFrames }) => inFrames)).toBe(false);
    expect(socket.xdpStatistics().packets).toBe(0);
  });

  it('other ports are left alone, and behind a VLAN tag is nobody', async () => {
    const one = open();
    const { socket } = one;
    socket.addPrefix(LISTED);
    const other = module!.inNamespace(veth.server, () =>
      module!.openUdpSocket(SERVER_IP, OTHER_PORT),
    );
    descriptors.push(other);
    const { frame, send } = wire();
    const plain = frame(socket.port, payload(LISTED));
    send(Uint8Array.from([...plain.slice(0, 12), 0x81, 0, 0, 5, ...plain.slice(12)]));
    client()(payload(LISTED, 4), SERVER_IP, OTHER_PORT);
    expect(module!.receive(other, 2000)).toEqual(payload(LISTED, 4));
    expect(take(one)).toEqual([]);
  });

  it('a wrong checksum is nothing, and no reason to ask the kernel', async () => {
    const one = open();
    const { socket } = one;
    socket.addPrefix(LISTED);
    const { frame, send } = wire();
    const good = frame(socket.port, payload(LISTED, 5));
    for (let i = 0; i < 10; i++) send(patched(good, 60 + i, (good[60 + i] ?? 0) ^ 0x40));
    send(good);
    const letters = await heard(one, 1);
    expect(letters.map(({ bytes }) => bytes)).toEqual([payload(LISTED, 5)]);
    expect(socket.xdpStatistics()).toMatchObject({ packets: 1, malformed: 10 });
    expect(socket.counters().dropped).toBe(10);
  });

  it('more than there are frames is lost and counted, and then it goes on', async () => {
    const one = open({ frameCount: 128 });
    const { socket } = one;
    socket.addPrefix(LISTED);
    const { frame, send } = wire();
    const flood = frame(socket.port, payload(LISTED, 6));
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 400; i++) send(flood);
      // What comes by the socket has its turn beside a full ring.
      client()(payload(1, round), SERVER_IP, socket.port);
      let received = 0;
      await vi.waitFor(() => {
        const letters = take(one);
        received += letters.length;
        expect(letters.every(({ bytes }) => [LISTED, 1].includes(prefixOf(bytes)))).toBe(true);
        const { dropped } = socket.counters();
        expect(received + dropped).toBeGreaterThanOrEqual(1);
        expect(socket.counters().received + dropped).toBe(401 * round);
      }, SOON);
    }
    send(frame(socket.port, payload(LISTED, 7)));
    expect(await heard(one, 1)).toMatchObject([{ bytes: payload(LISTED, 7), inFrames: true }]);
    expect(socket.counters().refused).toBe(0);
  });

  it('sleeps until something comes, by either way', async () => {
    const one = open();
    const { socket } = one;
    socket.addPrefix(LISTED);
    const send = client();
    const all: Letter[] = [];
    let woken = 0;
    socket.watch(() => {
      woken++;
      all.push(...take(one));
    });
    send(payload(LISTED, 1), SERVER_IP, socket.port);
    send(payload(2, 2), SERVER_IP, socket.port);
    await vi.waitFor(() => expect(all).toHaveLength(2), SOON);
    const before = woken;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(woken).toBe(before);
  });

  it('has room for 65,536 prefixes, and says when it is full', () => {
    const { socket } = open();
    for (let i = 0; i < 65_536; i++) if (!socket.addPrefix(i + 1)) expect.fail(`at ${i}`);
    expect(socket.addPrefix(1)).toBe(true);
    expect(socket.addPrefix(LISTED)).toBe(false);
    expect(socket.removePrefix(7)).toBe(true);
    expect(socket.addPrefix(LISTED)).toBe(true);
  });

  const hasProgram = () => / xdp(?:generic)?\b|prog\/xdp/.test(veth.serverLink());

  it('closes twice, also inside of its callback, and leaves nothing', async () => {
    open().socket.close();
    const before = { held: heldDescriptors(), pinnedKiB: pinnedKiB() };
    const send = client();
    for (let round = 0; round < 3; round++) {
      const { socket } = open();
      socket.addPrefix(LISTED);
      expect(hasProgram()).toBe(true);
      let told = 0;
      socket.watch(() => {
        told++;
        socket.close();
      });
      for (let i = 0; i < 3; i++) send(payload(LISTED, i), SERVER_IP, socket.port);
      await vi.waitFor(() => expect(told).toBe(1), SOON);
      socket.close();
      expect(hasProgram()).toBe(false);
      expect([socket.receive(), socket.addPrefix(5), socket.removePrefix(5)]).toEqual([
        0,
        true,
        true,
      ]);
      expect(socket.xdpStatistics()).toMatchObject({ packets: 0, malformed: 0 });
    }
    module!.closeSocket(descriptors.pop() ?? -1);
    // The kernel lets go of pinned pages from a work queue.
    await vi.waitFor(() => {
      expect({ held: heldDescriptors(), pinnedKiB: pinnedKiB() }).toEqual(before);
    }, SOON);
  });

  it('a killed process leaves no program, and the next one has the queues', async () => {
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [workerFile, JSON.stringify(workerData())]);
      const [text] = await once(child.stdout, 'data');
      expect(JSON.parse(String(text))).toEqual({ ready: 'native' });
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    const { socket } = open();
    socket.close();
    expect(hasProgram()).toBe(false);
  });

  const workerData = (own: Partial<XdpDatagramWorkerData> = {}): XdpDatagramWorkerData => ({
    ...{ namespace: veth.server, interface: veth.serverInterface, host: SERVER_IP, ...own },
  });

  describe('refuses', () => {
    it.each<[Partial<XdpDatagramWishes>, string, RegExp]>([
      [{ interface: 'nowhere0' }, 'ANDVARI_IO_INTERFACE', /ip link/],
      [{ interface: 'lo' }, 'ANDVARI_IO_INTERFACE', /another backend/],
      [{ queues: 3 }, 'ANDVARI_IO_QUEUE', /^ask for fewer, or give it more: `ethtool -L vs/],
      [{ host: '127.0.0.1' }, 'ANDVARI_ADDRESS', /listen at 0\.0\.0\.0/],
      [{ host: '192.0.2.9' }, 'ANDVARI_ADDRESS', /of this machine/],
    ])('%j, and leaves nothing', (own, code, mend) => {
      const before = heldDescriptors();
      expect(() => open(own)).toThrow(
        expect.objectContaining({ code, mend: expect.stringMatching(mend) }),
      );
      expect(heldDescriptors()).toEqual(before);
      expect(hasProgram()).toBe(false);
    });

    it('a second program on the interface', () => {
      open();
      const busy = { code: 'ANDVARI_IO_QUEUE_BUSY', mend: expect.stringMatching(/xdp off/) };
      expect(() => open()).toThrow(expect.objectContaining(busy));
    });

    it.each<[string, Partial<XdpDatagramWorkerData>, number, object]>([
      [
        'without CAP_NET_ADMIN and CAP_BPF',
        { capabilities: [CAP_NET_RAW] },
        4,
        {
          code: 'ANDVARI_IO_PERMISSION',
          message: expect.stringMatching(/CAP_NET_ADMIN, CAP_BPF/),
          mend: expect.stringMatching(/^give them to the process with AmbientCapabilities=/),
        },
      ],
      [
        'frames beyond the limit of locked memory',
        { capabilities: [CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF], frameCount: 1024, queues: 1 },
        1,
        {
          code: 'ANDVARI_IO_MEMLOCK',
          mend: expect.stringMatching(/^this socket's frames are 4 MiB, .* limit of 1 MiB: /),
        },
      ],
    ])('%s', (_, own, limitMiB, told) => {
      // The limit belongs to the process.
      const run = `ulimit -l ${limitMiB * 1024} && exec "$0" "$1" "$2"`;
      const data = JSON.stringify(workerData(own));
      const { stdout } = spawnSync('bash', ['-c', run, process.execPath, workerFile, data]);
      expect(JSON.parse(stdout.toString() || '{}')).toMatchObject(told);
    });

    it.each<[object, RegExp]>([
      [{ queues: 65 }, /^queues: wanted a whole number from 0 to 64, got 65/],
      [{ mode: 'fast' }, /^mode: wanted auto or native or generic, got fast/],
      [{ interface: '' }, /^interface: wanted a name of 1 to 15 characters/],
      [{ quue: 1 }, /^quue: no such option/],
      [{ frameCount: 63 }, /^frames: not inside the memory, not on pages, or too few/],
      [{ frameCount: 64, queues: 2 }, /^frames: not inside the memory/],
    ])('the options %j', (own, message) => {
      expect(() => open(own)).toThrow(message);
    });
  });
});

function prefixOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}
