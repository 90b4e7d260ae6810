/** Attacks that use one transport against what was said on the other: a server has one memory. */
import { describe, expect, it } from 'vitest';
import type { RatatoskrResponse } from '../../host-common/src/ratatoskr/messages.ts';
import { bothTransportsForTests } from '../../host-node/src/ratatoskr/testing/both-transports.ts';
import { closedAfterEach } from '../../host-node/src/testing/closed-after-each.ts';
import { quicAvailable } from '../../host-node/src/webtransport/testing/quic-client.ts';
import { nextOf, openPeer, type Peer } from '../bench/ratatoskr-peers.ts';

const startBoth = bothTransportsForTests();
const atEnd = closedAfterEach();

/** A server on both, and a way to speak to it over WebTransport. */
async function start() {
  const { place, webTransportUrl } = await startBoth();
  const open = async () => {
    const session = await openPeer('webTransport', Number(new URL(webTransportUrl).port));
    atEnd(() => session.close());
    return session;
  };
  const opened = (bytes: Uint8Array): RatatoskrResponse => {
    const answer = place.codec.openResponse(bytes);
    if (!answer.ok) throw new Error(`the server sent what does not open: ${answer.reason}`);
    return answer.response;
  };
  const ask = async (session: Peer, bytes: Uint8Array) => {
    const answer = nextOf(session);
    session.send(bytes);
    return opened(await answer);
  };
  return { place, open, ask, opened };
}

describe.runIf(quicAvailable)('WebSocket and WebTransport of one server', () => {
  it('take a request once, whichever it came by', async () => {
    const { place, open, ask } = await start();
    const peer = await place.connected();
    const encode = place.codec.encodeRequest.bind(place.codec);
    const first = peer.request({ payload: new TextEncoder().encode('pay') });
    expect((await peer.ask(first)).success).toBe(true);
    const session = await open();
    expect((await ask(session, encode(first))).errorCode).toBe('REPLAY');
    expect((await ask(session, encode(peer.connectionRequest()))).success).toBe(true);
    expect((await ask(session, encode(first))).errorCode).toBe('REPLAY');
    const nonce = Uint8Array.of(...first.nonce, first.payload[0] as number);
    const shifted = { ...first, nonce, payload: first.payload.subarray(1) };
    expect((await ask(session, encode(shifted))).errorCode).toBe('REPLAY');
    // The twin, and the other way round.
    const second = peer.request();
    expect((await ask(session, encode(second))).success).toBe(true);
    expect((await peer.ask(second)).errorCode).toBe('REPLAY');
    expect((await peer.ask(peer.request())).success).toBe(true);
  });

  it('keep a session to the connection that opened it', async () => {
    const { place, open, ask } = await start();
    const peer = await place.connected();
    const session = await open();
    const encode = place.codec.encodeRequest.bind(place.codec);
    expect((await ask(session, encode(peer.request()))).errorCode).toBe('NO_SESSION');
    const other = await place.peer('device-2');
    expect((await ask(session, encode(other.connectionRequest()))).success).toBe(true);
    expect((await ask(session, encode(peer.request()))).errorCode).toBe('UNAUTHENTICATED');
    expect((await ask(session, encode(other.request()))).success).toBe(true);
  });

  it('judge what comes right behind a connection request when there is its session', async () => {
    const { place, open, opened } = await start();
    const peer = await place.peer();
    const session = await open();
    const encode = place.codec.encodeRequest.bind(place.codec);
    const messages = [peer.connectionRequest(), peer.request()];
    const answers: RatatoskrResponse[] = [];
    const all = new Promise<void>((resolve) => {
      session.onMessage = (bytes) => {
        answers.push(opened(bytes));
        if (answers.length === messages.length) resolve();
      };
    });
    for (const message of messages) {
      session.send(encode(message));
    }
    await all;
    const wanted = messages.map(({ requestId }) => ({ requestId, success: true }));
    expect(answers).toMatchObject(wanted);
  });

  it('serve a device on the one while another floods the other', async () => {
    const { place, open, ask, opened } = await start();
    const flood = await place.peer('device-1');
    const session = await open();
    const encode = place.codec.encodeRequest.bind(place.codec);
    await ask(session, encode(flood.connectionRequest()));
    const codes: string[] = [];
    const limited = new Promise<void>((resolve) => {
      session.onMessage = (bytes) => {
        codes.push(opened(bytes).errorCode);
        if (codes.filter((code) => code === 'RATE_LIMITED').length === 141) resolve();
      };
    });
    const worker = await place.connected('device-2');
    for (let i = 0; i < 500; i++) session.send(encode(flood.request()));
    for (let i = 0; i < 20; i++) {
      expect((await worker.ask(worker.request())).success).toBe(true);
    }
    // The device's 60 with the first, then the connection's 200 and one more: no longer read.
    await limited;
    expect(codes.filter((code) => code === '')).toHaveLength(59);
    expect(place.server.counts.get('delivered')).toBe(59 + 20);
  });
});
