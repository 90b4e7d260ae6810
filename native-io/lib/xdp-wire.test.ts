// What reaches an AF_XDP socket from a wire that others share: damaged packets, frames for another
// machine.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { offloaded, patched, udpFrame } from './testing/packet-shapes.ts';
import { loadTestModule } from './testing/test-module.ts';
import { CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, Veth, whyNoXdp } from './testing/veth.ts';
import { PORT, XdpServer } from './testing/xdp-server.ts';

const whyNot = whyNoXdp();
if (whyNot) console.warn(`AF_XDP tests of the wire are skipped: ${whyNot}`);
const module = whyNot ? undefined : loadTestModule();
const payload = Uint8Array.from({ length: 90 }, (_, i) => i);

const families = [
  { host: '0.0.0.0', fromIp: CLIENT_IP, toIp: SERVER_IP, sum: 40 },
  { host: '::', fromIp: CLIENT_IP6, toIp: SERVER_IP6, sum: 60 },
] as const;

describe.skipIf(whyNot).each(families)('a shared wire ($host)', ({ host, sum, ...ends }) => {
  let veth: Veth;
  let server: XdpServer;
  let wire: number;
  let own: Uint8Array;

  beforeAll(() => {
    veth = new Veth();
    const mac = veth.macOf(veth.server, veth.serverInterface).split(':');
    own = Uint8Array.from(mac, (part) => Number.parseInt(part, 16));
    wire = module!.inNamespace(veth.client, () => module!.openPacketSocket(veth.clientInterface));
  });
  afterAll(() => {
    if (wire !== undefined) module!.closeSocket(wire);
    veth?.remove();
  });
  afterEach(() => server.close());

  const start = (mode: 'native' | 'generic') => {
    server = new XdpServer(veth, { host, mode });
  };
  const frame = (to = own) => udpFrame({ ...ends, to, payload });
  /** Sends, and gives the answers. */
  const answersTo = (...frames: Uint8Array[]) => {
    for (const each of frames) module!.send(wire, each);
    server.serve();
    const answers: Uint8Array[] = [];
    for (let next = module!.receive(wire, 50); next; next = module!.receive(wire, 50)) {
      const packet = module!.parsePacket(next);
      if (packet?.remotePort === PORT) answers.push(next.slice(packet.offset));
    }
    return answers;
  };

  it.each(['native', 'generic'] as const)('answers no damaged packet (%s)', (mode) => {
    start(mode);
    const damaged = [
      patched(frame(), sum + 20, 0xff),
      patched(frame(), sum, 0x12, 0x34),
      patched(offloaded(frame()), sum, 0x12, 0x34),
    ];
    if (host === '::') damaged.push(patched(frame(), sum, 0, 0));
    expect(answersTo(...damaged)).toEqual([]);
    expect(server.socket.statistics()).toMatchObject({ malformed: damaged.length, byKernel: 0 });
    expect(server.socket.counters()).toMatchObject({ received: 0, dropped: damaged.length });
    const right = [frame(), offloaded(frame())];
    if (host === '0.0.0.0') right.push(patched(frame(), sum, 0, 0));
    expect(answersTo(...right)).toEqual(right.map(() => payload));
    expect(server.socket.statistics()).toMatchObject({ malformed: damaged.length, byKernel: 0 });
  });

  it.each(['native', 'generic'] as const)('answers for no other machine (%s)', (mode) => {
    start(mode);
    const others = [0, 5].map((at) => frame(patched(own, at, own[at]! ^ 2)));
    expect(answersTo(...others)).toEqual([]);
    expect(server.socket.counters()).toMatchObject({ received: 0, dropped: 0 });
    expect(answersTo(frame())).toEqual([payload]);
    expect(server.socket.statistics()).toMatchObject({ malformed: 0, byKernel: 0 });
  });
});
