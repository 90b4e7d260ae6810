// The datagram socket: what the engine may not have is not sent, and mistakes are named.
import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DatagramOptions, DatagramSocket } from './datagram-socket.ts';
import { PathField, TransferPacket } from './generated/border.ts';
import { loadNative } from './index.ts';

const native = loadNative();
const PAGE = 65_536;
const SOON = { timeout: 60_000, interval: 2 };
const OUTGOING = 2 * PAGE;
const OUTGOING_BYTES = 1000;
const SENT = 3 * PAGE;
const MEMORY_BYTES = 4 * PAGE;

describe.skipIf('missing' in native)('datagram socket', () => {
  if ('missing' in native) return;
  const { openDatagrams } = native;
  const opened: DatagramSocket[] = [];
  let receiver: Socket | undefined;
  const arrived: Buffer[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) one.close();
    await new Promise<void>((resolve) => (receiver ? receiver.close(() => resolve()) : resolve()));
    receiver = undefined;
    arrived.length = 0;
  });

  function optionsOf(more: Partial<DatagramOptions> = {}): DatagramOptions {
    return {
      memory: new WebAssembly.Memory({ initial: 4, maximum: 4 }),
      incoming: 0,
      incomingBytes: 2 * PAGE,
      outgoing: OUTGOING,
      outgoingBytes: OUTGOING_BYTES,
      sent: SENT,
      letters: new Uint8Array(2048),
      host: '127.0.0.1',
      port: 0,
      ...more,
    };
  }

  function open(more: Partial<DatagramOptions> = {}) {
    const options = optionsOf(more);
    const socket = openDatagrams(options);
    opened.push(socket);
    return { socket, options, view: new DataView(options.memory.buffer) };
  }

  async function listen(): Promise<number> {
    const socket = createSocket('udp4');
    receiver = socket;
    socket.on('message', (message) => arrived.push(message));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return socket.address().port;
  }

  function lay(
    view: DataView,
    index: number,
    entry: { offset: number; length: number; port: number },
  ) {
    const at = SENT + index * TransferPacket.BYTES;
    view.setUint32(at + TransferPacket.OFFSET, entry.offset, true);
    view.setUint32(at + TransferPacket.LENGTH, entry.length, true);
    const path = at + TransferPacket.PATH;
    for (const [i, byte] of [0xff, 0xff, 127, 0, 0, 1].entries())
      view.setUint8(path + 10 + i, byte);
    view.setUint16(path + PathField.PORT, entry.port, true);
  }

  it('sends packets that lie where packets may, to their last byte, and no others', async () => {
    const { socket, view } = open();
    const port = await listen();
    const end = OUTGOING + OUTGOING_BYTES;
    const refused = [
      [OUTGOING - 1, 10],
      [end - 9, 10],
      [end, 1],
      [OUTGOING, OUTGOING_BYTES + 1],
      [OUTGOING, 0],
      [OUTGOING + 1, 0xffffffff],
      [0xffffffff, 2],
      [SENT, 64],
      [0, 10],
    ] as const;
    for (const [i, [offset, length]] of refused.entries()) lay(view, i, { offset, length, port });
    lay(view, refused.length, { offset: OUTGOING, length: OUTGOING_BYTES, port });
    lay(view, refused.length + 1, { offset: end - 1, length: 1, port });
    expect(socket.send(refused.length + 2)).toBe(0);
    await vi.waitFor(() => expect(arrived).toHaveLength(2), SOON);
    expect(arrived.map(({ length }) => length)).toEqual([OUTGOING_BYTES, 1]);
    expect(socket.counters()).toMatchObject({ sent: 2, refused: refused.length, dropped: 0 });
  });

  it('sends no more than a table holds, whatever count it is given', async () => {
    const { socket, view } = open();
    const port = await listen();
    for (let i = 0; i < 64; i++) lay(view, i, { offset: OUTGOING, length: 4, port });
    for (const count of [0xffffffff, 65, 64]) expect(socket.send(count)).toBe(0);
    expect(socket.send(0)).toBe(0);
    await vi.waitFor(() => expect(arrived).toHaveLength(192), SOON);
    expect(socket.counters()).toMatchObject({ sent: 192, refused: 0 });
  });

  it('sendTo() refuses what is no datagram or no far end', async () => {
    const { socket } = open();
    const port = await listen();
    const farEnd = new Uint8Array(24);
    farEnd.set([0xff, 0xff, 127, 0, 0, 1, port & 255, port >> 8], 10);
    socket.sendTo(new Uint8Array(0), farEnd);
    socket.sendTo(new Uint8Array(65_508), farEnd);
    socket.sendTo(new Uint8Array(5), farEnd.subarray(1));
    expect(socket.counters()).toMatchObject({ sent: 0, refused: 3 });
    socket.sendTo(new Uint8Array(65_507), farEnd);
    await vi.waitFor(() => expect(arrived).toHaveLength(1), SOON);
    expect(socket.counters()).toMatchObject({ sent: 1, refused: 3 });
  });

  it('works over shared memory', async () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    const { socket, options, view } = open({ memory });
    const farEnd = new Uint8Array(memory.buffer, 100, 24);
    const { port } = socket;
    farEnd.set([0xff, 0xff, 127, 0, 0, 1, port & 255, port >> 8], 10);
    const bytes = new Uint8Array(memory.buffer, OUTGOING, 4);
    bytes.set([1, 2, 3, 4]);
    socket.sendTo(bytes, farEnd);
    lay(view, 0, { offset: OUTGOING + 1, length: 3, port });
    expect(socket.send(1)).toBe(0);
    let received = 0;
    await vi.waitFor(() => {
      received += socket.receive();
      expect(received).toBe(2);
    }, SOON);
    const letter = new DataView(options.letters.buffer);
    expect(letter.getUint32(4, true)).toBeGreaterThanOrEqual(3);
    expect(options.letters.subarray(8, 32)).toEqual(Uint8Array.from(farEnd));
  });

  it('writes to no letters that are gone, and to its own again', async () => {
    const letters = new Uint8Array(2048);
    const { socket } = open({ letters });
    const peer = createSocket('udp4');
    const send = () =>
      new Promise((resolve) => peer.send('hello', socket.port, '127.0.0.1', resolve));
    await send();
    await vi.waitFor(() => expect(socket.receive()).toBe(1), SOON);
    expect(new Uint32Array(letters.buffer)[1]).toBe(5);
    structuredClone(letters.buffer, { transfer: [letters.buffer] });
    await send();
    expect(socket.receive()).toBe(0);
    peer.close();
  });

  it('after close() nothing does a thing, and the counters stay', async () => {
    const { socket, view } = open();
    const port = await listen();
    lay(view, 0, { offset: OUTGOING, length: 4, port });
    expect(socket.send(1)).toBe(0);
    socket.watch(() => {});
    socket.close();
    socket.close();
    expect(socket.send(1)).toBe(0);
    socket.sendTo(new Uint8Array(4), new Uint8Array(24));
    expect(socket.receive()).toBe(0);
    socket.watch(() => {});
    expect(socket.counters()).toMatchObject({ sent: 1 });
  });

  it.each([
    ['memory', undefined, /^memory: wanted a WebAssembly.Memory/],
    ['incoming', -1, /^incoming: wanted a whole number/],
    ['sent', '0', /^sent: wanted a number/],
    ['letters', new Uint8Array(2047), /^letters: wanted 2048 bytes/],
    ['letters', [], /^letters: wanted a Uint8Array/],
    ['host', 5, /^host: wanted an IP address/],
    ['port', 65_536, /^port: wanted a whole number/],
    ['incomingBytes', PAGE - 1, /not inside the memory/],
    ['incoming', MEMORY_BYTES - PAGE, /not inside the memory/],
    ['outgoing', MEMORY_BYTES - OUTGOING_BYTES + 1, /not inside the memory/],
    ['outgoingBytes', 0xffffffff, /not inside the memory/],
    ['sent', MEMORY_BYTES - 64 * TransferPacket.BYTES + 1, /not inside the memory/],
  ])('%s: %o is refused', (name, value, message) => {
    expect(() => openDatagrams({ ...optionsOf(), [name]: value })).toThrow(message);
  });

  it('places that end with the memory are good', () => {
    const sent = MEMORY_BYTES - 64 * TransferPacket.BYTES;
    expect(open({ sent, outgoing: PAGE, outgoingBytes: 3 * PAGE }).socket.port).toBeGreaterThan(0);
  });
});
