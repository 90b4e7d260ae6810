// How a server takes leave. Over WebTransport a client that breaks off with its connection would
// take the server for lost, and try again at once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { SelfMadeCertificates } from '../webtransport/certificates.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitGoaway,
} from '../webtransport/http3-frames.ts';
import { QuicClient, quicAvailable } from '../webtransport/testing/quic-client.ts';
import { concatBytes } from '../webtransport/varint.ts';
import { RatatoskrEndpoint } from './endpoint.ts';
import { filesIn } from './testing/endpoint-files.ts';
import { signerOf, TestPeer } from './testing/test-peer.ts';

const [CONNECTED_ID, NEXT_ID] = [0, 8];

function framed(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}

/** What comes on a stream, noted as it comes, until it ends. */
async function noteAll(
  stream: { read(): Promise<Uint8Array | undefined> },
  note: (bytes: Uint8Array) => void,
): Promise<void> {
  try {
    for (let part = await stream.read(); part; part = await stream.read()) note(part);
  } catch {
    // The end of the connection, or of the session's streams.
  }
}

describe.runIf(quicAvailable)('a server that stops, over WebTransport', () => {
  let folder: string;
  let endpoint: RatatoskrEndpoint;
  let peer: TestPeer;
  let client: QuicClient;
  const codecOf = async () => RatatoskrCodec.create({ module: await plainEngine() });
  let isHanded = false;
  /** Says something when it is told to stop. */
  const last = (signal: AbortSignal) => {
    isHanded = true;
    return new Promise<Uint8Array>((resolve) => {
      signal.addEventListener('abort', () => resolve(new TextEncoder().encode('last words')));
    });
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'andvari-stop-'));
    endpoint = await RatatoskrEndpoint.start(
      {
        listen: { host: '127.0.0.1', port: 0 },
        webTransport: new SelfMadeCertificates(['127.0.0.1'], Date.now()),
        files: filesIn(folder),
        services: () => ({
          routes: new Map(),
          fallback: { name: 'last', handle: ({ signal }) => last(signal) },
        }),
      },
      { logger: createLogger({ level: 'silent' }) },
    );
    const { publicKey } = signerOf('d');
    endpoint.devices.register({ deviceId: 'd', publicKey, userIds: ['u'] });
    const codec = await codecOf();
    peer = new TestPeer(endpoint.describe().url, { deviceId: 'd', userId: 'u', codec });
    await peer.opened;
  });
  afterEach(async () => {
    client.close();
    await endpoint.close();
    rmSync(folder, { recursive: true });
  });

  async function connect() {
    const at = endpoint.webTransport?.address;
    if (!at) throw new Error('no WebTransport');
    client = await QuicClient.open(at);
    const authority = `${at.host}:${at.port}`;
    const fields = { ':authority': authority, ':path': '/ratatoskr', origin: undefined };
    const connected = await client.connect(fields);
    expect(connected).toMatchObject({ status: 200, id: CONNECTED_ID });
    return connected;
  }

  const goodbye = () => emitCloseSession(1001, new TextEncoder().encode('the server stops'));

  it('sends GOAWAY, then what services have said last, then the close capsule', async () => {
    const connected = await connect();
    const codec = await codecOf();
    const stream = client.sessionStream(
      connected.id,
      framed(codec.encodeRequest(peer.connectionRequest())),
    );
    const parts: [string, Uint8Array][] = [];
    const noted = (name: string) => (bytes: Uint8Array) => void parts.push([name, bytes]);
    const all = (name: string) =>
      concatBytes(...parts.filter(([from]) => from === name).map(([, bytes]) => bytes));
    await stream.receive.read();
    await stream.send.write(framed(codec.encodeRequest(peer.request())));
    const control = client.serverStreams[0]?.receive;
    if (!control) throw new Error('no control stream');
    const reading = [
      noteAll(stream.receive, noted('messages')),
      noteAll(connected.receive, noted('session')),
      noteAll(control, noted('control')),
    ];
    await vi.waitFor(() => expect(isHanded).toBe(true));
    const closed = endpoint.close();
    expect(await client.end).toMatchObject({ by: 'peer', errorCode: 0x100 });
    await Promise.all([closed, ...reading]);
    expect(all('control')).toEqual(concatBytes(emitControlStart(), emitGoaway(NEXT_ID)));
    expect(all('session')).toEqual(concatBytes(emitDrainSession(), goodbye()));
    const answer = codec.openResponse(all('messages').subarray(4));
    expect(answer).toMatchObject({ ok: true, response: { success: true } });
    const order = parts.map(([from]) => from);
    expect(order.indexOf('messages')).toBeLessThan(order.lastIndexOf('session'));
  });

  it('also to a session that has said nothing', async () => {
    const connected = await connect();
    const parts: Uint8Array[] = [];
    const reading = noteAll(connected.receive, (bytes) => void parts.push(bytes));
    await endpoint.close();
    await reading;
    expect(concatBytes(...parts)).toEqual(concatBytes(emitDrainSession(), goodbye()));
  });

  it('takes no session more from then on', async () => {
    await connect();
    const closed = endpoint.close();
    const late = client.connect({ ':path': '/ratatoskr', origin: undefined });
    await expect(late).rejects.toThrow();
    await closed;
  });
});
