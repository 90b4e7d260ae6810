/**
 * Every recorded case over a real socket of its transport, against a fresh server each: coins and
 * files are those of the base state again. Where our answer is not the recorded one, the table of
 * departures tells which it is and why.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  allCases,
  caseNamed,
  casesHere,
  DEPARTURES,
  expectedReply,
  fixCases,
  maskedFor,
  replayWith,
  SAME_REPLY,
  type VectorCase,
} from '../engine/vector-cases.ts';
import { fromHex, toHex, vectorAn } from '../engine/vector-state.ts';
import { ask, askTcp, patienceFor } from './exchange.ts';
import { makeVectorServers, type VectorServer } from './vector-server.ts';

let servers: Awaited<ReturnType<typeof makeVectorServers>>;
beforeAll(async () => {
  servers = await makeVectorServers();
});
afterAll(() => servers.remove());

async function replayOverSockets(item: VectorCase): Promise<Uint8Array | undefined> {
  const server = await servers.start();
  try {
    const patienceMs = patienceFor(expectedReply(item));
    return await replayWith(item, (request, transport) =>
      ask(transport, server.port, request, patienceMs),
    );
  } finally {
    await server.stop();
  }
}

/** The reply is the one that is due, to the byte but for what is volatile. */
function expectDue(item: VectorCase, reply: Uint8Array | undefined): void {
  const wanted = expectedReply(item);
  const why = DEPARTURES[item.name]?.why ?? 'as recorded';
  expect(reply && toHex(maskedFor(item, reply)), why).toBe(
    wanted && toHex(maskedFor(item, wanted)),
  );
}

describe('recorded cases over UDP and TCP', () => {
  for (const item of casesHere()) {
    it(`${item.transport} ${item.name}`, async () => {
      expectDue(item, await replayOverSockets(item));
    });
  }
});

describe('where the peer is not followed', () => {
  it('every such case is named with a reason, and no other', () => {
    const marked = casesHere().filter(
      ({ peer_bug, ours_status, peer_differs_from_spec }) =>
        peer_bug || ours_status !== undefined || peer_differs_from_spec,
    );
    const named = [...Object.keys(DEPARTURES), ...Object.keys(SAME_REPLY)];
    expect(named.sort()).toEqual(marked.map(({ name }) => name).sort());
  });

  it('our statuses are those that the vectors ask for', () => {
    for (const item of allCases()) {
      if (item.ours_status === undefined) continue;
      expect(expectedReply(item)?.[2], item.name).toBe(item.ours_status);
    }
  });
});

describe('fix, with 24 other servers', () => {
  it.each(fixCases().map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const requests = Object.entries(item.server_state.ticket_requests ?? {});
    const coins = Object.keys(item.server_state.after?.new_an_on_node_14_if_fixed ?? {}).map(
      (coin) => coin.split(':').map(Number) as [number, number],
    );
    const others = new Map<number, VectorServer>();
    for (const [raidaId] of requests) {
      others.set(Number(raidaId), await servers.startOther(Number(raidaId), coins));
    }
    const ports = new Map([...others].map(([raidaId, { port }]) => [raidaId, port]));
    const server = await servers.start({ servers: ports });
    try {
      const request = fromHex(item.request_hex);
      const ticketsAt = request.length - 2 - 4 * 25;
      expect(item.ticket_patch).toContain(`byte offset ${ticketsAt} + 4*r`);
      for (const [raidaId, hex] of requests) {
        const reply = await askTcp(ports.get(Number(raidaId)) ?? 0, fromHex(hex));
        expect(reply?.[2]).toBe(241);
        request.set(reply?.subarray(32, 36) ?? [], ticketsAt + 4 * Number(raidaId));
      }
      expectDue(item, await askTcp(server.port, request));
      await expectFixed(item, server.port);
    } finally {
      await Promise.all([server, ...others.values()].map((one) => one.stop()));
    }
  });

  /** Detect with the new ANs passes exactly when the coins were fixed. */
  async function expectFixed(item: VectorCase, port: number): Promise<void> {
    const { new_an_on_node_14_if_fixed: ans = {}, detect_with_new_an_status: status } =
      item.server_state.after ?? {};
    const detect = fromHex(caseNamed('detect_1_pass_udp').request_hex);
    for (const [coin, an] of Object.entries(ans)) {
      const [denomination = 0, serialNumber = 0] = coin.split(':').map(Number);
      new DataView(detect.buffer).setInt8(48, denomination);
      new DataView(detect.buffer).setUint32(49, serialNumber);
      for (const [shown, wanted] of [
        [fromHex(an), status],
        [await vectorAn(denomination, serialNumber), status === 241 ? 242 : 241],
      ] as const) {
        detect.set(shown, 53);
        expect((await ask('tcp', port, detect))?.[2]).toBe(wanted);
      }
    }
  }

  it('asks as the recorded request does', async () => {
    const { request_hex: recorded } = caseNamed('validate_ticket_emitted_by_server');
    const heard = Promise.withResolvers<Buffer>();
    const held: Socket[] = [];
    const listener = createServer((socket) => {
      held.push(socket);
      socket.once('data', (bytes) => {
        if (bytes[2] === 3) heard.resolve(bytes);
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    // An ask ends when too few can still vouch, so all 13 are there until the one has been heard.
    const ports = new Map(Array.from({ length: 13 }, (_, raidaId) => [raidaId, port]));
    const server = await servers.start({ servers: ports });
    const request = fromHex(caseNamed('fix_votes_13_not_enough').request_hex);
    const ticket = fromHex(
      caseNamed('validate_ticket_emitted_by_server').server_state.ticket_for_raida_3 ?? '',
    );
    // Nobody is asked when there cannot be 14 votes.
    const ticketsAt = request.length - 2 - 4 * 25;
    for (let raidaId = 0; raidaId < 13; raidaId++) request.set(ticket, ticketsAt + 4 * raidaId);
    const asked = askTcp(server.port, request);
    const sent = toHex(await heard.promise);
    for (const socket of held) socket.destroy();
    const reply = await asked;
    await server.stop();
    listener.close();
    expect(reply?.[2]).toBe(242);
    // Bytes 8-15 mean nothing to a server (section 1.1); nonce, echo and challenge are ours.
    const clear = (hex: string) => hex.slice(0, 16) + hex.slice(32, 48) + hex.slice(96);
    expect(sent.length).toBe(recorded.length);
    expect(clear(sent)).toBe(clear(recorded));
  });
});

describe('TCP', () => {
  const echo = fromHex('01000e000000000601000000000001010000000000000000000000000000e1e2');

  it('takes a request in any split', async () => {
    const server = await servers.start();
    const pieces = Array.from(echo, (byte) => Uint8Array.of(byte));
    const reply = await askTcp(server.port, ...pieces);
    await server.stop();
    expect(reply?.[2]).toBe(250);
  });

  it('answers a bad header without its body, then closes', async () => {
    const server = await servers.start();
    const request = echo.slice();
    request[5] = 99;
    request.set([0xff, 0xff], 22);
    const reply = await askTcp(server.port, request);
    await server.stop();
    expect(reply?.[2]).toBe(6);
  });

  it('reads nothing behind the first request', async () => {
    const server = await servers.start();
    const reply = await askTcp(server.port, new Uint8Array([...echo, ...echo]));
    await server.stop();
    expect(reply?.length).toBe(32);
  });
});
