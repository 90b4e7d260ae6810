// Servers that say anything at all, on every stream and by datagrams: Node's WebTransport opens a
// session or says why not, within its times, and the next one is served.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitGoaway,
  emitHeaders,
  emitTlv,
} from './http3-frames.ts';
import type { QuicConnection } from './quic-connection.ts';
import type { QuicSendStream } from './quic-stream.ts';
import { cut, damage } from './testing/damage.ts';
import { quicAvailable } from './testing/quic-client.ts';
import { type Script, ScriptedServer } from './testing/scripted-server.ts';
import { concatBytes } from './varint.ts';
import { NodeWebTransport } from './webtransport-client.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const CONNECTIONS = LONG ? 6000 : 120;
const AT_ONCE = 12;
/** Of the client, for servers that say nothing; and what a session may take all in all. */
const [TIMEOUT_MS, HANG_MS] = [400, 20_000];
/** The allocator keeps some 45 KB of each; who kept a connection's window would take far more. */
const GROWTH_BYTES_MAX = (256 << 20) + CONNECTIONS * 100_000;

const ok = emitHeaders([
  [':status', '200'],
  ['sec-webtransport-http3-draft', 'draft02'],
  ['server', 'any'],
]);
const answers = [
  ok,
  ok,
  concatBytes(emitHeaders([[':status', '103']]), ok, emitDrainSession()),
  concatBytes(ok, emitCloseSession(3, Buffer.from('so'))),
  concatBytes(ok, emitTlv(0x21, new Uint8Array(9)), emitTlv(0, emitTlv(0x3f, new Uint8Array(9)))),
  emitHeaders([[':status', '404']]),
];
const starts = [
  concatBytes(emitControlStart(), emitGoaway(4), emitTlv(0x40, new Uint8Array(20))),
  Uint8Array.of(2, 0x20),
  Uint8Array.of(3, 0x40),
  Uint8Array.of(0x40, 0x54, 0, 1, 2),
  Uint8Array.of(0x21, 3, 1, 2, 3),
  Uint8Array.of(1, 0),
];
const requests = [Uint8Array.of(0x40, 0x41, 0, 1, 2), Uint8Array.of(0x40, 0x41, 4), ok];
const datagram = Uint8Array.of(0, 1, 2, 3);

const seed = seedOfRun();
const random = randomFrom(seed);
const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
/** Most bytes are right: else nothing would get beyond the first stream. */
const maybe = (bytes: Uint8Array): Uint8Array => (random(3) === 0 ? damage(bytes, random) : bytes);
const ignore = (): void => {};

/** Written in pieces, and then left open, ended, or given up. */
function say(send: QuicSendStream, bytes: Uint8Array): void {
  for (const piece of cut(bytes, random)) send.write(piece).catch(ignore);
  const end = random(6);
  if (end === 0) send.end().catch(ignore);
  else if (end === 1) send.reset(random(2000));
}

/** What comes besides, as the server likes. */
function besides(quic: QuicConnection): void {
  for (let count = random(4); count > 0; count--) {
    const kind = random(3);
    if (kind === 0) quic.sendDatagram(maybe(datagram));
    else if (kind === 1)
      quic
        .openUnidirectional()
        ?.write(maybe(pick(starts)))
        .catch(ignore);
    else {
      const stream = quic.openBidirectional();
      if (stream) say(stream.send, maybe(pick(requests)));
    }
  }
}

function anyScript(): Script {
  return {
    starts: [maybe(random(3) === 0 ? starts[0]! : emitControlStart()), starts[1]!, starts[2]!],
    established: (quic) => {
      if (random(3) === 0) besides(quic);
    },
    reply: (send, quic) => {
      const answer = send.id === 0 ? pick(answers) : Uint8Array.from([1, 2, 3, 4, 5]);
      say(send, maybe(answer));
      if (random(4) === 0) besides(quic);
      if (random(12) === 0) quic.close(random(1000), 'no more');
    },
  };
}

/** How a session went: `open`, or the code of why not; and then how it has ended. */
async function visit(port: number, server: ScriptedServer): Promise<string[]> {
  const session = new NodeWebTransport(`https://127.0.0.1:${port}/`, {
    ...{ serverCertificateHashes: server.hashes, timeoutMs: TIMEOUT_MS, idleTimeoutMs: 2_000 },
  });
  const codeOf = (error: { code?: string }) => error.code ?? String(error);
  const begun = await session.ready.then(() => 'open', codeOf);
  if (begun === 'open') {
    const use = async () => {
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      writer.closed.catch(ignore);
      await writer.write(new Uint8Array(100));
      await readable.getReader().read();
    };
    await Promise.race([use().catch(ignore), new Promise((resolve) => setTimeout(resolve, 20))]);
    session.close({ closeCode: 1, reason: 'done' });
  }
  return [begun, await session.closed.then(() => 'closed', codeOf)];
}

describe.runIf(quicAvailable)('servers of any kind', () => {
  const accidents: unknown[] = [];
  const accident = (error: unknown) => void accidents.push(error);
  beforeAll(() => void process.on('uncaughtExceptionMonitor', accident));
  afterAll(() => void process.off('uncaughtExceptionMonitor', accident));
  const atEnd = closedAfterEach();

  it(`answers of anything (ANDVARI_SEED=${seed})`, { timeout: 1_200_000 }, async () => {
    const server = await ScriptedServer.open(anyScript);
    atEnd(() => server.close());
    const before = process.memoryUsage().rss;
    const tally = new Map<string, number>();
    for (let count = 0; count < CONNECTIONS; count += AT_ONCE) {
      const visits = Array.from({ length: AT_ONCE }, () => visit(server.port, server));
      let limit: NodeJS.Timeout | undefined;
      const hangs = new Promise<never>((_, reject) => {
        limit = setTimeout(() => reject(new Error(`a session of ${count} hangs`)), HANG_MS);
      });
      for (const [begun, ended] of await Promise.race([Promise.all(visits), hangs])) {
        for (const what of [begun!, ended!]) tally.set(what, (tally.get(what) ?? 0) + 1);
      }
      clearTimeout(limit);
    }
    expect(accidents).toEqual([]);
    // All of these, or the servers were all the same; and nothing but these.
    expect([...tally.keys()].sort()).toEqual([
      'ANDVARI_WEBTRANSPORT_CONNECT',
      'ANDVARI_WEBTRANSPORT_LOST',
      'ANDVARI_WEBTRANSPORT_REFUSED',
      'closed',
      'open',
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX);
    const good = await ScriptedServer.open();
    atEnd(() => good.close());
    expect(await visit(good.port, good)).toEqual(['open', 'closed']);
  });
});
