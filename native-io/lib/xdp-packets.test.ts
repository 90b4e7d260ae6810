// The headers of packets, and what the XDP program decides about every shape of packet; the kernel
// itself runs the program (BPF_PROG_TEST_RUN), on no interface.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLIENT_MAC,
  checksumU16BE,
  ipOf,
  patched,
  resummed,
  SERVER_MAC,
  udpFrame,
} from './testing/packet-shapes.ts';
import {
  loadTestModule,
  type ProgramOptions,
  whyNoTestModule,
  XDP_PASS,
  XDP_REDIRECT,
} from './testing/test-module.ts';
import { whyNoXdp } from './testing/veth.ts';

const whyNot = whyNoTestModule();
const module = whyNot ? undefined : loadTestModule();
if (whyNot) console.warn(`packet tests are skipped: ${whyNot}`);
const whyNoProgram = whyNoXdp();
if (whyNoProgram) console.warn(`XDP program tests are skipped: ${whyNoProgram}`);

const v4 = { fromIp: '10.77.0.2', toIp: '10.77.0.1' };
const v6 = { fromIp: 'fd77::2', toIp: 'fd77::1' };
const parse = (frame: Uint8Array) => module!.parsePacket(frame);
const LONG = process.env['ANDVARI_LONG'] === '1';

describe.skipIf(whyNot)('parsing', () => {
  it.each([
    ['IPv4', v4, 42],
    ['IPv6', v6, 62],
  ])('reads %s', (_, ends, offset) => {
    expect(parse(udpFrame({ ...ends, fromPort: 1234, toPort: 25000 }))).toEqual({
      localMac: SERVER_MAC,
      remoteMac: CLIENT_MAC,
      localIp: ipOf(ends.toIp),
      remoteIp: ipOf(ends.fromIp),
      localPort: 25000,
      remotePort: 1234,
      offset,
      length: 4,
    });
  });

  it('reads a padded frame by the length in its headers', () => {
    const padded = new Uint8Array(60);
    padded.set(udpFrame({ ...v4, payload: Uint8Array.of(9) }));
    expect(parse(padded)).toMatchObject({ offset: 42, length: 1 });
  });

  it('reads a payload of no bytes', () => {
    expect(parse(udpFrame({ ...v4, payload: new Uint8Array() }))).toMatchObject({ length: 0 });
  });

  const plain4 = module ? udpFrame(v4) : new Uint8Array();
  const plain6 = module ? udpFrame(v6) : new Uint8Array();
  it.each<[string, () => Uint8Array]>([
    ['an empty frame', () => new Uint8Array()],
    ['an Ethernet header alone', () => plain4.slice(0, 14)],
    ['ARP', () => patched(plain4, 12, 0x08, 0x06)],
    ['VLAN', () => patched(plain4, 12, 0x81, 0x00)],
    ['IPv4 short by one', () => plain4.slice(0, -1)],
    ['IPv4 without the last byte of UDP', () => plain4.slice(0, 41)],
    ['IPv4 of version 5', () => resummed(patched(plain4, 14, 0x55))],
    ['IPv4 with options', () => resummed(patched(plain4, 14, 0x46))],
    ['IPv4 with a header of four words', () => resummed(patched(plain4, 14, 0x44))],
    ['a total length below the headers', () => resummed(patched(plain4, 16, 0, 27))],
    ['a total length of 0', () => resummed(patched(plain4, 16, 0, 0))],
    ['a total length beyond the frame', () => resummed(patched(plain4, 16, 0, 33))],
    ['a wrong header checksum', () => patched(plain4, 24, plain4[24]! ^ 1)],
    ['a first fragment', () => resummed(patched(plain4, 20, 0x20, 0))],
    ['a later fragment', () => resummed(patched(plain4, 20, 0, 1))],
    ['TCP', () => resummed(patched(plain4, 23, 6))],
    ['a source of 0.0.0.0', () => resummed(patched(plain4, 26, 0, 0, 0, 0))],
    ['a source of 127.0.0.1', () => resummed(patched(plain4, 26, 127, 0, 0, 1))],
    ['a multicast source', () => resummed(patched(plain4, 26, 224, 0, 0, 1))],
    ['a broadcast source', () => resummed(patched(plain4, 26, 255, 255, 255, 255))],
    ['a UDP length below its header', () => resummed(patched(plain4, 38, 0, 7))],
    ['a UDP length beyond IP', () => resummed(patched(plain4, 38, 0, 13))],
    ['a source port of 0', () => resummed(patched(plain4, 34, 0, 0))],
    ['IPv6 short by one', () => plain6.slice(0, -1)],
    ['IPv6 without the last byte of UDP', () => plain6.slice(0, 61)],
    ['IPv6 of version 4', () => patched(plain6, 14, 0x40)],
    ['an IPv6 payload length of 0', () => patched(plain6, 18, 0, 0)],
    ['an IPv6 payload length beyond the frame', () => patched(plain6, 18, 0, 13)],
    ['an IPv6 extension header', () => patched(plain6, 20, 0)],
    ['an IPv6 fragment', () => patched(plain6, 20, 44)],
    ['IPv6 from ::', () => resummed(patched(plain6, 22, ...new Uint8Array(16)))],
    ['IPv6 from ::1', () => resummed(patched(plain6, 22, ...ipOf('::1')))],
    ['IPv6 from ::ffff:127.0.0.1', () => resummed(patched(plain6, 22, ...ipOf('::ffff:7f00:1')))],
    ['IPv6 from multicast', () => resummed(patched(plain6, 22, 0xff, 0x02))],
  ])('refuses %s', (_, frame) => {
    expect(parse(frame())).toBeUndefined();
  });

  it('never gives a payload outside the frame', () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 128 }),
      fc
        .tuple(
          fc.constantFrom(plain4, plain6),
          fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
          fc.nat(80),
        )
        .map(([base, patches, length]) => {
          const bytes = Uint8Array.from(base).slice(0, length);
          for (const [at, value] of patches) if (at < bytes.length) bytes[at] = value;
          return bytes;
        }),
    );
    fc.assert(
      fc.property(frame, (bytes) => {
        const packet = parse(bytes);
        if (packet) expect(packet.offset + packet.length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: LONG ? 100_000 : 2000 },
    );
  });
});

describe.skipIf(whyNot)('building', () => {
  const payloads = fc.uint8Array({ maxLength: 1472 });
  const address = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes });

  it.each([4, 16])('writes right checksums over addresses of %i bytes', (bytes) => {
    const ends = fc.tuple(address(bytes), address(bytes), fc.nat(65535), fc.nat(65535), payloads);
    fc.assert(
      fc.property(ends, ([localIp, remoteIp, localPort, remotePort, payload]) => {
        const path = { localMac: SERVER_MAC, remoteMac: CLIENT_MAC, localIp, remoteIp };
        const frame = module!.buildPacket({ ...path, localPort, remotePort }, payload);
        const start = bytes === 4 ? 34 : 54;
        const length = payload.length + 8;
        expect(frame.length).toBe(start + length);
        if (bytes === 4) expect(checksumU16BE(frame.subarray(14, 34))).toBe(0);
        const pseudo = [...localIp, ...remoteIp, length >> 8, length & 0xff, 0, 17];
        expect(checksumU16BE([...pseudo, ...frame.subarray(start)])).toBe(0);
        // 0 would mean that there is none.
        expect((frame[start + 6]! << 8) | frame[start + 7]!).not.toBe(0);
        expect(frame.subarray(start + 8)).toEqual(payload);
      }),
      { numRuns: LONG ? 5000 : 200 },
    );
  });

  it('writes every byte of the headers', () => {
    const path = { localMac: SERVER_MAC, remoteMac: CLIENT_MAC, localPort: 25000 };
    const ends = { localIp: ipOf(v4.toIp), remoteIp: ipOf(v4.fromIp), remotePort: 40000 };
    const frame = module!.buildPacket({ ...path, ...ends }, Uint8Array.of(1, 2, 3, 4));
    const fields = { to: CLIENT_MAC, from: SERVER_MAC, fromPort: 25000, toPort: 40000 };
    const wanted = udpFrame({ ...fields, fromIp: v4.toIp, toIp: v4.fromIp });
    // Id 0, and "don't fragment" instead.
    expect(frame).toEqual(resummed(patched(wanted, 18, 0, 0, 0x40, 0)));
  });

  it('answers what it has read', () => {
    for (const ends of [v4, v6]) {
      const request = parse(udpFrame(ends))!;
      const reply = parse(module!.buildPacket(request, Uint8Array.of(5)))!;
      expect(reply.remoteIp).toEqual(request.localIp);
      expect(reply.localMac).toEqual(request.remoteMac);
      expect(reply.remotePort).toBe(request.localPort);
      expect(reply.length).toBe(1);
    }
  });
});

describe.skipIf(whyNoProgram)('the XDP program', () => {
  // The test run lays what is beyond 3520 bytes apart, where the program does not see it.
  const FRAME_BYTES_MAX = 3000;
  const options: ProgramOptions = {
    hosts: ['10.77.0.1', '192.0.2.1', 'fd77::1', 'fe80::1'],
    mac: SERVER_MAC,
    port: 25000,
    frameBytesMax: FRAME_BYTES_MAX,
    socket: true,
  };
  const verdict = (frame: Uint8Array, changed: Partial<ProgramOptions> = {}) =>
    module!.verdicts({ ...options, ...changed }, [frame])[0];
  const plain4 = udpFrame(v4);
  const plain6 = udpFrame(v6);
  const tagged = (frame: Uint8Array) =>
    Uint8Array.from([...frame.slice(0, 12), 0x81, 0, 0, 5, ...frame.slice(12)]);
  const sized = (bytes: number) => udpFrame({ ...v4, payload: new Uint8Array(bytes - 42) });

  it.each<[string, () => Uint8Array]>([
    ['UDP over IPv4', () => plain4],
    ['UDP over IPv6', () => plain6],
    ['UDP to the second address', () => udpFrame({ ...v4, toIp: '192.0.2.1' })],
    ['UDP to the second IPv6 address', () => udpFrame({ ...v6, toIp: 'fe80::1' })],
    ['a payload of no bytes', () => udpFrame({ ...v4, payload: new Uint8Array() })],
    ['"don\'t fragment"', () => resummed(patched(plain4, 20, 0x40, 0))],
    ['the longest frame', () => sized(FRAME_BYTES_MAX)],
    ['wrong lengths, which are read later', () => patched(plain4, 38, 0xff, 0xff)],
  ])('redirects %s', (_, frame) => {
    expect(verdict(frame())).toBe(XDP_REDIRECT);
  });

  it.each<[string, () => Uint8Array]>([
    ['another port', () => udpFrame({ ...v4, toPort: 25001 })],
    ['another port over IPv6', () => udpFrame({ ...v6, toPort: 25001 })],
    ['our port as the source', () => udpFrame({ ...v4, fromPort: 25000, toPort: 9 })],
    ['another address', () => udpFrame({ ...v4, toIp: '10.77.0.3' })],
    ['another IPv6 address', () => udpFrame({ ...v6, toIp: 'fd77::3' })],
    ['an IPv6 address that differs in front', () => udpFrame({ ...v6, toIp: 'fd78::1' })],
    ...[0, 1, 2, 3, 4, 5].map((at): [string, () => Uint8Array] => [
      `another MAC, in byte ${at}`,
      () => patched(plain4, at, plain4[at]! ^ 4),
    ]),
    ['another MAC over IPv6', () => udpFrame({ ...v6, to: CLIENT_MAC })],
    ['broadcast', () => udpFrame({ ...v4, to: new Uint8Array(6).fill(255) })],
    ['multicast', () => udpFrame({ ...v4, to: Uint8Array.of(1, 0, 0x5e, 0, 0, 1) })],
    ['a frame one longer than a chunk takes', () => sized(FRAME_BYTES_MAX + 1)],
    ['VLAN', () => tagged(plain4)],
    ['VLAN over IPv6', () => tagged(plain6)],
    ['ARP', () => patched(plain4, 12, 0x08, 0x06)],
    ['an unknown type', () => patched(plain4, 12, 0x88, 0xb5)],
    ['IPv4 options', () => patched(plain4, 14, 0x46)],
    ['IPv4 of another version', () => patched(plain4, 14, 0x65)],
    ['a first fragment', () => patched(plain4, 20, 0x20, 0)],
    ['a later fragment', () => patched(plain4, 20, 0x00, 0x01)],
    ['a fragment far behind', () => patched(plain4, 20, 0x1f, 0xff)],
    ['TCP', () => udpFrame({ ...v4, protocol: 6 })],
    ['ICMP', () => udpFrame({ ...v4, protocol: 1 })],
    ['TCP over IPv6', () => udpFrame({ ...v6, protocol: 6 })],
    ['neighbour discovery', () => udpFrame({ ...v6, protocol: 58 })],
    ['an IPv6 hop-by-hop header', () => udpFrame({ ...v6, protocol: 0 })],
    ['an IPv6 fragment', () => udpFrame({ ...v6, protocol: 44 })],
    ['IPv6 of another version', () => patched(plain6, 14, 0x40)],
    ['IPv4 one byte short', () => plain4.slice(0, 41)],
    ['IPv6 one byte short', () => plain6.slice(0, 61)],
    ['an Ethernet header alone', () => plain4.slice(0, 14)],
  ])('passes %s', (_, frame) => {
    expect(verdict(frame())).toBe(XDP_PASS);
  });

  it('passes what comes on a queue without a socket', () => {
    expect(verdict(plain4, { socket: false })).toBe(XDP_PASS);
  });

  it('takes only the family that it has addresses of', () => {
    expect(verdict(plain6, { hosts: ['10.77.0.1'] })).toBe(XDP_PASS);
    expect(verdict(plain4, { hosts: ['fd77::1'] })).toBe(XDP_PASS);
    expect(verdict(plain4, { hosts: ['::ffff:10.77.0.1'] })).toBe(XDP_REDIRECT);
  });

  it('leaves addresses beyond its number to the kernel', () => {
    const hosts = Array.from({ length: 20 }, (_, i) => `10.77.0.${i + 1}`);
    expect(verdict(udpFrame({ ...v4, toIp: '10.77.0.16' }), { hosts })).toBe(XDP_REDIRECT);
    expect(verdict(udpFrame({ ...v4, toIp: '10.77.0.17' }), { hosts })).toBe(XDP_PASS);
  });

  it('redirects datagrams by the first four bytes of their connection ID', () => {
    const cid = Uint8Array.of(0xde, 0xad, 0xbe, 0xef);
    const known = Uint8Array.of(...cid, 1, 2, 3, 4);
    const prefixes = [cid];
    for (const ends of [v4, v6]) {
      const other = { ...ends, toPort: 40001 };
      expect(verdict(udpFrame({ ...other, payload: known }), { prefixes })).toBe(XDP_REDIRECT);
      expect(verdict(udpFrame({ ...other, payload: cid }), { prefixes })).toBe(XDP_REDIRECT);
      const reversed = Uint8Array.from(known).reverse();
      expect(verdict(udpFrame({ ...other, payload: reversed }), { prefixes })).toBe(XDP_PASS);
      const short = known.slice(0, 3);
      expect(verdict(udpFrame({ ...other, payload: short }), { prefixes })).toBe(XDP_PASS);
      expect(verdict(udpFrame({ ...other, payload: known }))).toBe(XDP_PASS);
      expect(verdict(udpFrame({ ...ends, payload: short }), { prefixes })).toBe(XDP_REDIRECT);
    }
    const elsewhere = { ...v4, toIp: '10.77.0.9', toPort: 40001, payload: known };
    expect(verdict(udpFrame(elsewhere), { prefixes })).toBe(XDP_PASS);
  });

  it('redirects to a port of its own only what is listed, and nothing to another', () => {
    const cids = [Uint8Array.of(0xde, 0xad, 0xbe, 0xef), Uint8Array.of(0, 0, 0, 1)];
    const both = { prefixes: cids, prefixAtPort: true };
    for (const ends of [v4, v6]) {
      for (const cid of cids) {
        const known = udpFrame({ ...ends, payload: Uint8Array.of(...cid, 1, 2, 3, 4) });
        expect(verdict(known, both)).toBe(XDP_REDIRECT);
        expect(verdict(known, { ...both, port: 25001 })).toBe(XDP_PASS);
        expect(verdict(known, { ...both, prefixes: [] })).toBe(XDP_PASS);
        expect(verdict(known, { ...both, socket: false })).toBe(XDP_PASS);
        expect(verdict(udpFrame({ ...ends, payload: cid }), both)).toBe(XDP_REDIRECT);
        for (let at = 0; at < 4; at++) {
          const foreign = Uint8Array.of(...cid, 5);
          foreign[at] = (foreign[at] ?? 0) ^ 0x10;
          expect(verdict(udpFrame({ ...ends, payload: foreign }), both)).toBe(XDP_PASS);
        }
        const short = udpFrame({ ...ends, payload: cid.slice(0, 3) });
        expect(verdict(short, both)).toBe(XDP_PASS);
        expect(verdict(tagged(known), both)).toBe(XDP_PASS);
      }
      expect(verdict(udpFrame({ ...ends, payload: new Uint8Array() }), both)).toBe(XDP_PASS);
    }
    const fragment = udpFrame({ ...v4, payload: Uint8Array.of(...(cids[0] ?? []), 1) });
    expect(verdict(resummed(patched(fragment, 20, 0x20, 0)), both)).toBe(XDP_PASS);
  });
});
