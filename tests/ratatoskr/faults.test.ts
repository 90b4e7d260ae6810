/** Clients over real sockets, while something around them goes wrong. */
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import type { Service } from '../../host-node/src/ratatoskr/service-bus.ts';
import {
  certificates,
  TurnedCertificate,
} from '../../host-node/src/ratatoskr/testing/certificates.ts';
import {
  type PlaceOptions,
  RatatoskrPlace,
  USER,
} from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { signerOf } from '../../host-node/src/ratatoskr/testing/test-peer.ts';
import { WebSocketListener } from '../../host-node/src/ratatoskr/websocket-listener.ts';
import { WsClientTransport } from '../../host-node/src/ratatoskr/ws-client-transport.ts';
import { bytes, idOf, text } from './scripted-server.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const NO_LIMIT = 1e9;

async function start(options: PlaceOptions = {}): Promise<RatatoskrPlace> {
  const place = await RatatoskrPlace.start({
    ...{ clock: new RealClock(), refuseBeforeS: 0 },
    rates: { perMinute: NO_LIMIT, perHour: NO_LIMIT },
    connectionRate: { burst: NO_LIMIT },
    ...options,
  });
  ends.push(() => place.close());
  return place;
}

async function clientOf(place: RatatoskrPlace, deviceId: string, url: string, ca?: string) {
  const client = await RatatoskrClient.create({
    transports: [new WsClientTransport({ url, ca })],
    ...{ signer: signerOf(deviceId), deviceId, userId: USER },
    serverKey: place.server.publicKey,
  });
  ends.push(() => client.close());
  await client.connect();
  return client;
}

const emit = (request: object) => bytes(JSON.stringify(request));

describe('a service that hangs', () => {
  // More than a connection may have under way before it is no longer read.
  const HUNG = 24;

  function hang(client: RatatoskrClient): Promise<unknown>[] {
    return Array.from({ length: HUNG }, (_, i) =>
      client
        .call(emit({ request_type: 'HANG' }), { requestId: idOf(i), timeoutMs: 20_000 })
        .catch((error) => error),
    );
  }

  function hanging(aborted: string[] = []): ReadonlyMap<string, Service> {
    const handle: Service['handle'] = ({ requestId, signal }) => {
      signal.addEventListener('abort', () => aborted.push(requestId));
      return new Promise(() => {});
    };
    return new Map([['HANG', { name: 'hanging', handle }]]);
  }

  it('holds up nobody else', async () => {
    const place = await start({ bus: { routes: hanging() } });
    const client = await clientOf(place, 'device-1', place.url);
    const sameDevice = await clientOf(place, 'device-1', place.url);
    const other = await clientOf(place, 'device-2', place.url);
    let answered = 0;
    for (const call of hang(client)) void call.then(() => answered++);
    for (const free of [other, sameDevice]) {
      for (let i = 0; i < 10; i++) {
        expect(text((await free.call(bytes(`work ${i}`))).payload)).toBe(`work ${i}`);
      }
    }
    expect(answered).toBe(0);
  });

  it('is answered for at its deadline', async () => {
    const aborted: string[] = [];
    const place = await start({ bus: { routes: hanging(aborted), deadlineMs: 200 } });
    const client = await clientOf(place, 'device-1', place.url);
    for (const error of await Promise.all(hang(client))) {
      expect(error).toMatchObject({ serverCode: 'SERVICE_UNAVAILABLE', outcome: 'unknown' });
    }
    expect(new Set(aborted).size).toBe(HUNG);
    // And the connection is read again.
    expect(text((await client.call(bytes('after'))).payload)).toBe('after');
  });
});

describe('a certificate that is replaced again and again', () => {
  /** The certificate that a new connection is shown. */
  async function shown(port: number): Promise<string> {
    const socket: TLSSocket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return raw.toString('base64');
  }

  it('loses no call, of connections that stay and of those that come', async () => {
    const place = await start();
    const certificate = new TurnedCertificate();
    const listener = new WebSocketListener({
      listen: { host: '127.0.0.1', port: 0 },
      accept: place.server.accept,
      certificate,
      failed: (error) => expect.fail(String(error)),
    });
    const { port } = await listener.open();
    ends.push(() => listener.close());
    const url = `wss://127.0.0.1:${port}/ratatoskr`;
    const both = certificates.map(({ cert }) => cert).join('');
    const [staying, coming, other] = await Promise.all(
      ['device-1', 'device-1', 'device-2'].map((id) => clientOf(place, id, url, both)),
    );
    const session = staying?.status().session?.sessionId;
    let turning = true;
    /** Of each client: calls that were answered, and connections of its own free will. */
    const calls = [0, 0, 0];
    const connections = [1, 1, 1];
    const load = async (index: number, reconnectEvery: number) => {
      const client = [staying, coming, other][index];
      for (let made = 1; turning; made++) {
        const said = await client?.call(bytes(`call ${made}`));
        expect(text(said?.payload as Uint8Array)).toBe(`call ${made}`);
        calls[index] = made;
        if (made % reconnectEvery !== 0) continue;
        await client?.disconnect();
        await client?.connect();
        connections[index] = (connections[index] ?? 0) + 1;
      }
    };
    const loads = [load(0, NO_LIMIT), load(1, 4), load(2, 7)];
    const seen = new Set<string>();
    for (let turn = 1; turn <= 20; turn++) {
      certificate.turn(certificates[turn % 2 ? 1 : 0]);
      const now = await shown(port);
      expect(certificate.current().cert.replace(/\n/g, '')).toContain(now);
      seen.add(now);
      // Everybody is answered under this one too.
      const before = [...calls];
      const areServed = () => calls.every((count, index) => count > (before[index] ?? 0));
      await expect.poll(areServed).toBe(true);
    }
    turning = false;
    await Promise.all(loads);
    expect(seen.size).toBe(2);
    const [stayed, ...came] = connections;
    expect(stayed).toBe(1);
    for (const count of came) expect(count).toBeGreaterThan(2);
    expect(staying?.status().session?.sessionId).toBe(session);
    expect(place.server.counts.get('delivered')).toBe(calls.reduce((sum, count) => sum + count));
  });
});
