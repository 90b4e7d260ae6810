/** The client in Node over both transports: WebTransport first, WebSocket where there is none. */
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { RatatoskrAddress } from '../../host-common/src/ratatoskr/address.ts';
import type { ClientTransport } from '../../host-common/src/ratatoskr/client/client-channel.ts';
import { CONNECT_TIMEOUT_MS } from '../../host-common/src/ratatoskr/client/limits.ts';
import { RatatoskrClient } from '../../host-common/src/ratatoskr/client/ratatoskr-client.ts';
import { NO_ORIGIN } from '../../host-node/src/http/allow-list.ts';
import { writeDevices } from '../../host-node/src/ratatoskr/device-file.ts';
import { NodeEd25519Signer } from '../../host-node/src/ratatoskr/node-ed25519.ts';
import {
  type NodeEndpoint,
  nodeTransports,
} from '../../host-node/src/ratatoskr/node-transports.ts';
import { bothTransportsForTests } from '../../host-node/src/ratatoskr/testing/both-transports.ts';
import type { RatatoskrPlace } from '../../host-node/src/ratatoskr/testing/ratatoskr-place.ts';
import { RealClock } from '../../host-node/src/ratatoskr/testing/real-clock.ts';
import { signerOf } from '../../host-node/src/ratatoskr/testing/test-peer.ts';
import { closedAfterEach } from '../../host-node/src/testing/closed-after-each.ts';
import { quicAvailable } from '../../host-node/src/webtransport/testing/quic-client.ts';
import { bytes, text } from './scripted-server.ts';

const startBoth = bothTransportsForTests();
const atEnd = closedAfterEach();

/** A server on both, and where it is. */
async function start() {
  const both = await startBoth({ clock: new RealClock(), refuseBeforeS: 0 });
  const { place, listener, webTransportUrl } = both;
  const certificateHashes = listener.certificateHashes.map((hash) => Uint8Array.from(hash));
  const endpoint: NodeEndpoint = { webSocketUrl: place.url, webTransportUrl, certificateHashes };
  return { place, listener, endpoint };
}

async function clientOf(
  serverKey: Uint8Array,
  transports: ClientTransport[],
): Promise<RatatoskrClient> {
  const client = await RatatoskrClient.create({
    ...{ transports, serverKey },
    ...{ signer: signerOf('device-1'), deviceId: 'device-1', userId: 'user-1' },
  });
  atEnd(() => client.close());
  return client;
}

const keyOf = (place: RatatoskrPlace) => place.server.publicKey as Uint8Array;

describe.runIf(quicAvailable)('a client in Node', () => {
  it('talks over WebTransport, in any order and length', async () => {
    const { place, listener, endpoint } = await start();
    const client = await clientOf(keyOf(place), nodeTransports(endpoint));
    await client.connect();
    expect(client.status().transport).toBe('webtransport');
    expect(listener.connections).toBe(1);
    const long = 'x'.repeat(1_048_576);
    const words = ['', 'a', long, 'b', long];
    const answers = await Promise.all(words.map((word) => client.call(bytes(word))));
    expect(answers.map(({ payload }) => text(payload) === '' || payload.length)).toEqual(
      words.map((word) => word === '' || word.length),
    );
    expect(answers.every(({ signed }) => signed)).toBe(true);
    await client.close();
    await vi.waitFor(() => expect(listener.connections).toBe(0));
  });

  it.each<[string, (endpoint: NodeEndpoint) => NodeEndpoint]>([
    ['another certificate', (one) => ({ ...one, certificateHashes: [new Uint8Array(32)] })],
    ['no hash and no authority', (one) => ({ ...one, certificateHashes: [] })],
    ['no package', (one) => ({ ...one, platform: 'plan9-mips' })],
    ['nobody there', (one) => ({ ...one, webTransportUrl: 'https://127.0.0.1:9/ratatoskr' })],
    ['another path', (one) => ({ ...one, webTransportUrl: `${one.webTransportUrl}/x` })],
  ])('falls back to WebSocket at once: %s', async (_, change) => {
    const { place, endpoint } = await start();
    const client = await clientOf(keyOf(place), nodeTransports(change(endpoint)));
    const beginMs = performance.now();
    await client.connect();
    // Not as late as where nothing answers.
    expect(performance.now() - beginMs).toBeLessThan(CONNECT_TIMEOUT_MS);
    expect(client.status().transport).toBe('websocket');
    expect(text((await client.call(bytes('hi'))).payload)).toBe('hi');
  });

  it('falls back when UDP goes nowhere', async () => {
    const { place, endpoint } = await start();
    const hole = createSocket('udp4').bind(0, '127.0.0.1');
    atEnd(() => hole.close());
    await once(hole, 'listening');
    const webTransportUrl = `https://127.0.0.1:${hole.address().port}/ratatoskr`;
    const client = await clientOf(keyOf(place), nodeTransports({ ...endpoint, webTransportUrl }));
    await client.connect();
    expect(client.status().transport).toBe('websocket');
  });

  it('without a WebSocket address says why there is none', async () => {
    const { place, endpoint } = await start();
    const { webTransportUrl } = endpoint;
    const transports = nodeTransports({ webTransportUrl, platform: 'plan9-mips' });
    const client = await RatatoskrClient.create({
      ...{ transports, serverKey: keyOf(place), reconnect: false },
      ...{ signer: signerOf('device-1'), deviceId: 'device-1', userId: 'user-1' },
    });
    atEnd(() => client.close());
    await expect(client.connect()).rejects.toMatchObject({
      code: 'ANDVARI_UNREACHABLE',
      message: expect.stringContaining('@matrixai/quic-plan9-mips is not installed'),
    });
  });

  it('asks for the hashes again when the server has others', async () => {
    const { place, endpoint } = await start();
    let asked = 0;
    const certificateHashes = async () =>
      ++asked === 1
        ? [new Uint8Array(32)]
        : (endpoint.certificateHashes as Uint8Array<ArrayBuffer>[]);
    const client = await clientOf(keyOf(place), nodeTransports({ ...endpoint, certificateHashes }));
    await client.connect();
    expect([client.status().transport, asked]).toEqual(['webtransport', 2]);
  });

  it('goes on under GOAWAY, and comes back by WebSocket when the listener has closed', async () => {
    const { place, listener, endpoint } = await start();
    const client = await clientOf(keyOf(place), nodeTransports(endpoint));
    await client.connect();
    listener.drain();
    expect(text((await client.call(bytes('still'))).payload)).toBe('still');
    await listener.close();
    expect(text((await client.call(bytes('again'))).payload)).toBe('again');
    expect(client.status().transport).toBe('websocket');
  });
});

describe.runIf(quicAvailable)('a server that is killed under a client on WebTransport', () => {
  const PROGRAM = new URL(
    '../../host-node/src/ratatoskr/testing/endpoint-process.ts',
    import.meta.url,
  );

  it('has it back, and nothing was done twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-killed-'));
    atEnd(() => rmSync(folder, { recursive: true }));
    const { publicKey } = signerOf('device-1');
    const device = { deviceId: 'device-1', publicKey, userIds: new Set(['user-1']) };
    writeDevices(join(folder, 'devices.json'), [{ ...device, revoked: false }]);
    let child: ChildProcess | undefined;
    let address!: RatatoskrAddress;
    const run = async () => {
      child = fork(PROGRAM, [folder, NO_ORIGIN], { execArgv: [] });
      [address] = (await once(child, 'message')) as [RatatoskrAddress];
    };
    const kill = async () => {
      const ended = child && once(child, 'exit');
      child?.kill('SIGKILL');
      child = undefined;
      await ended;
    };
    atEnd(kill);
    await run();
    // To wherever the server is now; no WebSocket, which would be there sooner.
    const transport: ClientTransport = {
      name: 'webtransport',
      connect: (events, signal) => {
        const { url: webTransportUrl, certificateHashes: hashes = [] } = address.webTransport ?? {};
        const certificateHashes = hashes.map((hash) => Uint8Array.from(Buffer.from(hash, 'hex')));
        const [one] = nodeTransports({ webTransportUrl, certificateHashes });
        return (one as ClientTransport).connect(events, signal);
      },
    };
    const seed = Buffer.from(readFileSync(join(folder, 'server-key'), 'utf8').trim(), 'hex');
    const client = await clientOf(new NodeEd25519Signer(seed).publicKey, [transport]);
    await client.connect();
    const call = (requestId: string, waitMs: number) =>
      client.call(bytes(JSON.stringify({ waitMs })), { requestId, timeoutMs: 50_000 });
    const ids = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()] as const;
    const [before, during, after] = ids;
    await call(before, 0);
    const cut = call(during, 200).catch((error: unknown) => error);
    const executed = () => readFileSync(join(folder, 'executed'), 'utf8').trimEnd().split('\n');
    await vi.waitFor(() => expect(executed()).toContain(during));
    await kill();
    await run();
    // It had begun when the end came: nobody knows, and the client is told just that.
    expect(await cut).toMatchObject({ serverCode: 'SERVICE_UNAVAILABLE', outcome: 'unknown' });
    await call(after, 0);
    expect(executed()).toEqual(ids);
    expect(client.status().transport).toBe('webtransport');
  });
});
