// `andvari ratatoskr call` where WebTransport connects, and then carries little or nothing.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type BothOptions, bothTransportsForTests } from '../ratatoskr/testing/both-transports.ts';
import { RealClock } from '../ratatoskr/testing/real-clock.ts';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { folderForTests } from '../testing/folder.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { UdpRelay } from '../webtransport/testing/udp-relay.ts';
import { runCli } from './testing/cli-network.ts';
import { callerOf } from './testing/device-caller.ts';

const folder = folderForTests('fallback');
const startBoth = bothTransportsForTests();
const atEnd = closedAfterEach();

const LARGE = JSON.stringify({ text: 'x'.repeat(6_000) });

/** A server on both that echoes, and what a call to its description tells. */
async function start(options: BothOptions = {}) {
  let runs = 0;
  const handle = ({ payload }: { payload: Uint8Array }) => {
    runs++;
    return payload;
  };
  const bus = { fallback: { name: 'echo', handle } };
  const real = { clock: new RealClock(), refuseBeforeS: 0, bus };
  const { place, listener, webTransportUrl, sessions } = await startBoth({ ...real, ...options });
  const description = {
    url: place.url,
    serverKey: Buffer.from(place.server.publicKey as Uint8Array).toString('hex'),
    webTransport: {
      url: webTransportUrl,
      certificateHashes: listener.certificateHashes.map((hash) =>
        Buffer.from(hash).toString('hex'),
      ),
    },
  };
  const http = createServer((_request, response) =>
    response.end(JSON.stringify({ ratatoskr: description })),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => http.close(resolve)));
  const { port } = http.address() as AddressInfo;
  const wordsOf = await callerOf(place, folder);
  const call = async (request: string, ...more: string[]) => {
    writeFileSync(folder.at('request.json'), request);
    const url = `http://127.0.0.1:${port}/network.json`;
    const { code, out, err } = await runCli(wordsOf(url, '--json', ...more));
    const { transport, answer } = code === 0 ? JSON.parse(out) : {};
    const isEcho = JSON.stringify(answer) === request;
    return { code, err, transport, isEcho, sessions: sessions(), runs };
  };
  return { call };
}

async function relayOf(...options: Parameters<typeof UdpRelay.open>): Promise<UdpRelay> {
  const relay = await UdpRelay.open(...options);
  atEnd(() => relay.close());
  return relay;
}

const answered = (transport: string) => ({
  ...{ code: 0, isEcho: true, transport, sessions: 1, runs: 1 },
});

describe.runIf(quicAvailable)('andvari ratatoskr call', () => {
  // An MTU of 1280 over IPv4, and RFC 9000 section 14: the least that a path must carry.
  it.each([1252, 1200])('goes by WebTransport over a path for %i bytes', async (bytesMax) => {
    const relay = await relayOf(bytesMax);
    const { call } = await start({ relay });
    expect(await call(LARGE)).toMatchObject(answered('webtransport'));
    expect(relay.lost).toEqual([]);
  });

  it('goes by WebSocket when the path does not carry the request', async () => {
    const relay = await relayOf(900, { sparesHandshakes: true });
    const { call } = await start({ relay });
    expect(await call(LARGE, '--timeout', '12000')).toMatchObject(answered('websocket'));
    expect(relay.lost.length).toBeGreaterThan(0);
    // Small messages pass, so that WebTransport had its session.
    expect(await call('{"n":1}')).toMatchObject({ code: 0, transport: 'webtransport' });
  });

  it('goes by WebSocket when WebTransport never answers the connection request', async () => {
    const { call } = await start({ mute: true });
    expect(await call(LARGE, '--timeout', '6000')).toMatchObject(answered('websocket'));
  });
});
