/**
 * The recorded cases of groups 0 to 2 by every way into the kernel, with equal bytes. They come and
 * go over a real pair of interfaces, so AF_XDP is what it is on a network.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNotBackend } from '../../host-node/src/io/choose-backend.ts';
import { Veth, whyNoXdp } from '../../native-io/lib/testing/veth.ts';
import {
  casesHere,
  DEPARTURES,
  expectedReply,
  maskedFor,
  replayWith,
  type VectorCase,
} from '../engine/vector-cases.ts';
import { toHex } from '../engine/vector-state.ts';
import { patienceFor } from './exchange.ts';
import { BACKENDS, listenBy, VethClient } from './udp-backends.ts';
import { makeVectorServers } from './vector-server.ts';

/** Command group in a request's header. */
const GROUP_AT = 4;
const GROUP_MAX = 2;

const groupOf = ({ request_hex: hex }: VectorCase) =>
  Number.parseInt(hex.slice(2 * GROUP_AT, 2 * GROUP_AT + 2), 16);
const overUdp = ({ transport, server_state }: VectorCase) =>
  transport === 'udp' && (server_state.setup ?? []).every((one) => one.transport === 'udp');
const cases = casesHere().filter((item) => overUdp(item) && groupOf(item) <= GROUP_MAX);

const why = whyNoXdp();
let servers: Awaited<ReturnType<typeof makeVectorServers>>;
let veth: Veth;
let client: VethClient;

describe.skipIf(why !== undefined)(`recorded cases${why ? ` (DID NOT RUN: ${why})` : ''}`, () => {
  beforeAll(async () => {
    servers = await makeVectorServers();
    veth = new Veth();
    client = new VethClient(veth);
  });
  afterAll(async () => {
    client?.close();
    veth?.remove();
    await servers?.remove();
  });

  it.each(BACKENDS)('%s answers all of them with equal bytes', async (backend) => {
    const missing = whyNotBackend({ backend, interface: veth.serverInterface });
    if (missing) return console.warn(`${backend} DID NOT RUN: ${missing}`);
    expect(cases.length).toBeGreaterThan(40);
    for (const item of cases) {
      const server = await servers.start({ listen: listenBy(backend, veth) });
      try {
        const wanted = expectedReply(item);
        const patienceMs = patienceFor(wanted);
        const asking = (request: Uint8Array) => client.ask(server.port, request, patienceMs);
        const reply = await replayWith(item, asking);
        const note = `${item.name}: ${DEPARTURES[item.name]?.why ?? 'as recorded'}`;
        expect(reply && toHex(maskedFor(item, reply)), note).toBe(
          wanted && toHex(maskedFor(item, wanted)),
        );
      } finally {
        await server.stop();
      }
    }
  });
});
