// AF_XDP over a veth pair in network namespaces of its own: both modes, both families, everything
// that must stay with the kernel, and everything that an outsider can send.
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Flag } from './generated/border.ts';
import {
  CLIENT_MAC,
  checksumU16BE,
  patched,
  randomFrom,
  resummed,
  udpFrame,
} from './testing/packet-shapes.ts';
import { loadTestModule } from './testing/test-module.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, Veth, whyNoXdp } from './testing/veth.ts';
import { Client, PORT, XdpServer, type XdpServerOptions } from './testing/xdp-server.ts';

const whyNot = whyNoXdp();
if (whyNot) console.warn(`AF_XDP tests are skipped: ${whyNot}`);
const module = whyNot ? undefined : loadTestModule();

/** Short texts instead of long arrays, so that a failure can be read. */
const digest = (bytes?: Uint8Array) =>
  bytes && `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex')}`;
const expectSame = (got: Uint8Array | undefined, wanted: Uint8Array) =>
  expect(digest(got)).toBe(digest(wanted));
const bytesOf = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff);

const families = [
  { host: '0.0.0.0', v6: false },
  { host: '::', v6: true },
] as const;

describe.skipIf(whyNot)('AF_XDP', () => {
  let veth: Veth;
  const open: { close(): void }[] = [];
  const keep = <T extends { close(): void }>(what: T): T => {
    open.unshift(what);
    return what;
  };
  const server = (options: XdpServerOptions = {}, on = veth) => keep(new XdpServer(on, options));
  const client = (options: { v6?: boolean; port?: number } = {}, on = veth) =>
    keep(new Client(on, options));
  const macBytes = (text: string) => text.split(':').map((part) => Number.parseInt(part, 16));
  let toServer: Uint8Array;
  let v4: { fromIp: string; toIp: string; to: Uint8Array };
  let v6: { fromIp: string; toIp: string; to: Uint8Array };

  beforeAll(() => {
    veth = new Veth();
    toServer = Uint8Array.from(macBytes(veth.macOf(veth.server, veth.serverInterface)));
    v4 = { fromIp: CLIENT_IP, toIp: SERVER_IP, to: toServer };
    v6 = { fromIp: CLIENT_IP6, toIp: SERVER_IP6, to: toServer };
  });
  afterAll(() => veth?.remove());
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  /** A packet socket on the client's end of the pair. */
  const wire = () => {
    const socket = module!.inNamespace(veth.client, () =>
      module!.openPacketSocket(veth.clientInterface),
    );
    keep({ close: () => module!.closeSocket(socket) });
    return {
      send: (frame: Uint8Array) => module!.send(socket, frame),
      /** The next packet that the addon can read as one from our port. */
      receive(timeoutMs = 200) {
        for (;;) {
          const frame = module!.receive(socket, timeoutMs);
          if (!frame) return undefined;
          const packet = module!.parsePacket(frame);
          if (packet?.remotePort === PORT) return { frame, packet };
        }
      },
    };
  };

  const rounds = [
    { mode: 'native', host: '0.0.0.0' },
    { mode: 'generic', host: '0.0.0.0' },
    { mode: 'native', host: SERVER_IP },
    { mode: 'native', host: SERVER_IP6 },
    { mode: 'generic', host: SERVER_IP6 },
    { mode: 'auto', host: '::' },
  ] as const;
  it.each(rounds)('echoes in mode $mode at $host', ({ mode, host }) => {
    const served = server({ mode, host });
    expect(served.attachment.mode).toBe(mode === 'auto' ? 'native' : mode);
    expect(served.socket).toMatchObject({ backend: 'af_xdp', port: PORT, queue: 0 });
    // A virtual interface cannot read our memory itself.
    expect(served.socket.zeroCopy).toBe(false);
    const asks = client({ v6: host.includes(':') });
    for (const length of [1, 32, 64, 1400]) {
      expectSame(asks.ask(served, bytesOf(length)), bytesOf(length));
    }
    expect(served.socket.counters()).toMatchObject({ received: 4, sent: 4, dropped: 0 });
    expect(served.socket.statistics()).toMatchObject({ byKernel: 0, copied: 0, malformed: 0 });
  });

  it.each(families)('puts the payload on a boundary of 64 bytes ($host)', (family) => {
    const served = server(family);
    client(family).send(bytesOf(64));
    served.engine.turn(served.socket);
    const request = served.engine.take()!;
    expect(request.offset % 64).toBe(0);
    expect(request.length).toBe(64);
    expect(request.address).not.toBe(0);
  });

  it.each(families)('tells the engine the same address as the kernel does ($host)', (family) => {
    const served = server(family);
    // A fragmented datagram comes by the kernel.
    const [byXdp, byKernel] = [100, 3000].map((length) => {
      client(family).send(bytesOf(length));
      served.engine.turn(served.socket);
      return served.engine.take()!.address;
    });
    expect(byKernel).toBe(byXdp);
    if (!family.v6) expect(byXdp).toBe(0x0a4d0002);
    expect(served.socket.statistics().byKernel).toBe(1);
  });

  it.each(families)('writes full checksums and pads short frames ($host)', (family) => {
    const served = server(family);
    const { send, receive } = wire();
    send(udpFrame({ ...(family.v6 ? v6 : v4), payload: Uint8Array.of(7) }));
    served.serve();
    const { frame, packet } = receive()!;
    expect(packet).toMatchObject({ length: 1, localPort: 40000 });
    expect(packet.localMac).toEqual(CLIENT_MAC);
    expect(packet.remoteMac).toEqual(toServer);
    const start = family.v6 ? 54 : 34;
    const udp = frame.subarray(start, start + 9);
    const pseudo = [...packet.remoteIp, ...packet.localIp, 0, 9, 0, 17];
    expect(checksumU16BE([...pseudo, ...udp])).toBe(0);
    if (!family.v6) {
      expect(checksumU16BE(frame.subarray(14, 34))).toBe(0);
      expect([...frame.subarray(18, 23)]).toEqual([0, 0, 0x40, 0, 64]);
    }
    expect(frame.length).toBeGreaterThanOrEqual(60);
  });

  it.each(families)('hears senders with and without checksum offload ($host)', (family) => {
    const served = server(family);
    for (const on of [false, true]) {
      module!.inNamespace(veth.client, () => module!.setOffload(veth.clientInterface, on));
      expectSame(client(family).ask(served, bytesOf(333)), bytesOf(333));
    }
    expect(served.socket.statistics().byKernel).toBe(0);
  });

  it('sends replies that lie anywhere', () => {
    const served = server();
    const { engine, socket } = served;
    const asks = client();
    const next = (length: number) => {
      asks.send(bytesOf(length));
      engine.turn(socket);
      return engine.take()!;
    };
    const answered = () => {
      engine.turn(socket);
      return asks.receive();
    };
    // At the start of its frame, where there is no room for headers.
    const first = next(64);
    engine.bytes.copyWithin(first.frame, first.offset, first.offset + 64);
    engine.put(engine.port.ready, { ...first, offset: first.frame, flags: 0 });
    expectSame(answered(), bytesOf(64));
    // At the end of its frame.
    const second = next(64);
    const end = second.frame + 4096 - 64;
    engine.bytes.copyWithin(end, second.offset, second.offset + 64);
    engine.put(engine.port.ready, { ...second, offset: end, flags: 0 });
    expectSame(answered(), bytesOf(64));
    // Elsewhere, with the frame.
    const third = next(10);
    engine.put(engine.port.ready, { ...third, ...engine.keep(bytesOf(900, 3)), flags: 0 });
    expectSame(answered(), bytesOf(900, 3));
    // Held: the frame has gone back before.
    const fourth = next(10);
    engine.giveFrame(fourth);
    const kept = engine.keep(bytesOf(100, 4));
    engine.put(engine.port.held, { ...fourth, ...kept, frame: 0, flags: 0, position: 5 });
    expect(asks.receive(20)).toBeUndefined();
    engine.commit(5);
    expectSame(answered(), bytesOf(100, 4));
    expect(socket.statistics()).toMatchObject({ copied: 3, repliesByKernel: 0 });
    expect(socket.counters()).toMatchObject({ received: 4, sent: 4, refused: 0 });
  });

  it.each(families)('sends what no packet takes by the kernel ($host)', (family) => {
    const served = server(family);
    const { engine, socket } = served;
    const asks = client(family);
    for (const length of [1453, 1500, 5000, 60_000]) {
      asks.send(bytesOf(20));
      engine.turn(socket);
      const request = engine.take()!;
      engine.put(engine.port.ready, { ...request, ...engine.keep(bytesOf(length)), flags: 0 });
      engine.turn(socket);
      expectSame(asks.receive(), bytesOf(length));
    }
    expect(socket.statistics().repliesByKernel).toBe(family.v6 ? 4 : 3);
    expect(socket.counters()).toMatchObject({ sent: 4, dropped: 0 });
  });

  it.each(families)('takes fragments by the kernel socket ($host)', (family) => {
    const served = server(family);
    const asks = client(family);
    for (const length of [2000, 3900, 9000, 60_000]) {
      expectSame(asks.ask(served, bytesOf(length)), bytesOf(length));
    }
    expect(served.socket.statistics()).toMatchObject({ byKernel: 4, repliesByKernel: 0 });
  });

  it('takes IP options by the kernel socket', () => {
    const served = server();
    const { send, receive } = wire();
    // Four bytes of "no operation" behind the header.
    const plain = udpFrame(v4);
    const longer = Uint8Array.from([...plain.slice(0, 34), 1, 1, 1, 1, ...plain.slice(34)]);
    const total = patched(patched(longer, 14, 0x46), 16, 0, 36);
    const sum = checksumU16BE(patched(total, 24, 0, 0).subarray(14, 38));
    send(patched(total, 24, sum >> 8, sum & 0xff));
    served.serve();
    expect(receive()?.packet).toMatchObject({ length: 4 });
    expect(served.socket.statistics().byKernel).toBe(1);
  });

  it('answers each request the way it came, whoever had its peer before', () => {
    const served = server({ engine: { peers: 1 } });
    const { engine, socket } = served;
    const asks = client();
    for (let round = 0; round < 5; round++) {
      asks.send(bytesOf(50));
      engine.turn(socket);
      engine.put(engine.port.ready, { ...engine.take(), length: 0, flags: Flag.SILENT });
      expectSame(asks.ask(served, bytesOf(3000)), bytesOf(3000));
      expectSame(asks.ask(served, bytesOf(50)), bytesOf(50));
    }
    expect(socket.counters()).toMatchObject({ received: 15, sent: 10, silent: 5, refused: 0 });
    expect(socket.statistics()).toMatchObject({ byKernel: 5, repliesByKernel: 0 });
  });

  it('answers nobody behind a VLAN tag', () => {
    const served = server();
    const { send, receive } = wire();
    const plain = udpFrame(v4);
    send(Uint8Array.from([...plain.slice(0, 12), 0x81, 0, 0, 5, ...plain.slice(12)]));
    served.serve();
    expect(receive(50)).toBeUndefined();
    expect(served.socket.counters().received).toBe(0);
  });

  it.each(families)('leaves ping, TCP and other ports alone ($host)', (family) => {
    const served = server(family);
    const host = family.v6 ? SERVER_IP6 : SERVER_IP;
    const listener = module!.inNamespace(veth.server, () => module!.listenTcp(host, PORT));
    keep({ close: () => module!.closeSocket(listener) });
    module!.inNamespace(veth.client, () => {
      expect(module!.ping(host, 2000)).toBe(true);
      expect(module!.tcpRoundTrip(listener, host, PORT)).toBe(true);
    });
    const other = module!.inNamespace(veth.server, () => module!.openUdpSocket(host, PORT + 1));
    keep({ close: () => module!.closeSocket(other) });
    client({ ...family, port: PORT + 1 }).send(bytesOf(99));
    expectSame(module!.receive(other, 2000), bytesOf(99));
    served.serve();
    expect(served.socket.counters().received).toBe(0);
  });

  it('counts malformed packets and goes on', () => {
    const served = server();
    const { send, receive } = wire();
    const plain4 = udpFrame(v4);
    const plain6 = udpFrame(v6);
    const bad = [
      resummed(patched(plain4, 16, 0, 27)),
      resummed(patched(plain4, 16, 0xff, 0xff)),
      patched(plain4, 24, plain4[24]! ^ 0xff),
      patched(plain4, 38, 0, 7),
      patched(plain4, 38, 0xff, 0xff),
      udpFrame({ ...v4, fromPort: 0 }),
      udpFrame({ ...v4, fromIp: '127.0.0.1' }),
      udpFrame({ ...v4, fromIp: '224.0.0.1' }),
      // From where it goes: it would be answered for ever.
      udpFrame({ ...v4, fromIp: SERVER_IP, fromPort: PORT }),
      plain4.slice(0, 42),
    ];
    const check = (on: XdpServer, frames: Uint8Array[], good: Uint8Array) => {
      for (const frame of frames) send(frame);
      on.serve();
      const counted = { malformed: frames.length, byKernel: 0 };
      expect(on.socket.statistics()).toMatchObject(counted);
      expect(on.socket.counters()).toMatchObject({ received: 0, dropped: frames.length });
      send(good);
      on.serve();
      expect(receive()?.packet.length).toBe(4);
    };
    check(served, bad, plain4);
    served.close();
    const bad6 = [
      patched(plain6, 18, 0, 7),
      patched(plain6, 18, 0xff, 0xff),
      patched(plain6, 58, 0xff, 0xff),
      patched(plain6, 60, 0, 0),
      udpFrame({ ...v6, fromIp: '::1' }),
      plain6.slice(0, 62),
    ];
    check(server({ host: '::' }), bad6, plain6);
  });

  it.each(families)('survives a thousand frames of noise ($host)', (family) => {
    const served = server(family);
    const { send } = wire();
    const random = randomFrom(12345);
    for (let i = 0; i < 1000; i++) {
      const frame = udpFrame(family.v6 ? v6 : v4).slice(0, 15 + random(60));
      for (let n = random(4); n > 0; n--) frame[12 + random(frame.length - 12)] = random(256);
      send(frame);
      served.serve();
    }
    expectSame(client(family).ask(served, bytesOf(50)), bytesOf(50));
  });

  it('drops and counts what finds no frame, and recovers', () => {
    const served = server({ ring: 64, engine: { frameCount: 32, ringEntries: 64 } });
    const asks = client();
    for (let i = 0; i < 500; i++) asks.send(bytesOf(40, i));
    served.engine.turn(served.socket);
    const { framesMissing, ringFull, kernelDropped } = served.socket.statistics();
    expect(framesMissing + ringFull + kernelDropped).toBeGreaterThan(0);
    served.serve();
    const { received } = served.socket.counters();
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(500);
    while (asks.receive(20));
    for (let i = 0; i < 200; i++) {
      expectSame(asks.ask(served, bytesOf(60, i)), bytesOf(60, i));
    }
    expect(served.socket.counters()).toMatchObject({ refused: 0 });
  });

  it.each(families)('takes datagrams by their connection ID ($host)', (family) => {
    const served = server({ ...family, cidPrefixes: true });
    const datagram = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5);
    // The answer comes from the port that was asked, or the client does not hear it.
    const asks = client({ ...family, port: 40001 });
    served.attachment.addPrefix(0xdeadbeef);
    expectSame(asks.ask(served, datagram), datagram);
    served.attachment.removePrefix(0xdeadbeef);
    served.attachment.removePrefix(0xdeadbeef);
    expect(asks.ask(served, datagram, 20)).toBeUndefined();
    expect(served.socket.counters().received).toBe(1);
    expect(() => served.attachment.addPrefix(2 ** 32)).toThrow(RangeError);
  });

  it('sleeps until something comes, by either way', async () => {
    const served = server();
    const asks = client();
    let woken = 0;
    served.socket.watch(() => {
      woken++;
      served.serve();
    });
    for (const length of [100, 4000]) {
      asks.send(bytesOf(length));
      const answer = await vi.waitFor(() => asks.receive(0) ?? Promise.reject(new Error('none')));
      expectSame(answer, bytesOf(length));
    }
    const before = woken;
    await new Promise((resolve) => setTimeout(resolve, 50));
    // Nothing came, so nothing woke it.
    expect(woken).toBe(before);
  });

  it('leaves frames that are too long for a chunk to the kernel', () => {
    const wide = new Veth({ mtu: 9000 });
    try {
      const code = 'ANDVARI_IO_UNSUPPORTED';
      expect(() => server({ mode: 'native' }, wide)).toThrow(expect.objectContaining({ code }));
      const served = server({}, wide);
      expect(served.attachment.mode).toBe('generic');
      const asks = client({}, wide);
      for (const length of [1000, 3700, 3900, 8900]) {
        expectSame(asks.ask(served, bytesOf(length)), bytesOf(length));
      }
      expect(served.socket.statistics()).toMatchObject({ byKernel: 2, kernelDropped: 0 });
    } finally {
      for (const each of open.splice(0)) each.close();
      wide.remove();
    }
  });
});
