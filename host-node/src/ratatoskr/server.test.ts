import { createHash } from 'node:crypto';
import { MessageType, type RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import { fromBase64Url, responseSigningInput } from '@andvari/host-common/ratatoskr/signing';
import { describe, expect, it, vi } from 'vitest';
import { until } from '../testing/until.ts';
import { UNDER_WAY_PAUSE } from './limits.ts';
import { NodeEd25519Verifier } from './node-ed25519.ts';
import { placesForTests } from './testing/places.ts';
import { type RatatoskrPlace, USER } from './testing/ratatoskr-place.ts';

const start = placesForTests();

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (words: string) => new TextEncoder().encode(words);

function isSigned(place: RatatoskrPlace, response: RatatoskrResponse, digest: Uint8Array) {
  const signature = fromBase64Url(response.metadata.get('x-ratatoskr-sig') ?? '');
  const input = createHash('sha256').update(responseSigningInput(response, digest)).digest();
  const key = place.server.publicKey as Uint8Array;
  return signature !== undefined && new NodeEd25519Verifier().verify(key, input, signature);
}

describe.each([true, false])('end to end, TLS %s', (tls) => {
  it('opens a session, serves, and says goodbye; every answer is signed', async () => {
    const place = await start({ tls });
    const peer = await place.peer();
    const hello = peer.connectionRequest();
    const accepted = await peer.ask(hello);
    expect(accepted).toMatchObject({ messageType: 2, success: true, requestId: hello.requestId });
    expect(isSigned(place, accepted, place.codec.requestDigest(hello))).toBe(true);
    const opened = place.codec.openConnectionResponse(accepted.payload);
    const now = BigInt(place.clock.wallS());
    expect(opened).toMatchObject({
      payload: { accepted: true, expiresAt: now + 86_400n, serverVersion: '1.0' },
    });
    const business = peer.request({ payload: bytes('what is this') });
    const answer = await peer.ask(business);
    expect(answer).toMatchObject({ messageType: 3, success: true, requestId: business.requestId });
    expect(text(answer.payload)).toBe('what is this');
    const digest = place.codec.requestDigest(business);
    expect(isSigned(place, answer, digest)).toBe(true);
    expect(isSigned(place, answer, place.codec.requestDigest(hello))).toBe(false);
    expect(isSigned(place, { ...answer, payload: bytes('else') }, digest)).toBe(false);
    peer.send(peer.request({ messageType: MessageType.HEARTBEAT }));
    peer.send(peer.request({ messageType: MessageType.DISCONNECT }));
    expect(await peer.closed).toMatchObject({ code: 1000 });
    expect(peer.answers).toHaveLength(2);
  });
});

describe('answers come out of order', () => {
  it('and are matched by their request_id', async () => {
    const waiting: (() => void)[] = [];
    const slow = {
      name: 'slow',
      handle: ({ payload }: { payload: Uint8Array }) =>
        text(payload) === 'first'
          ? new Promise<Uint8Array>((resolve) => waiting.push(() => resolve(payload)))
          : payload,
    };
    const place = await start({ bus: { fallback: slow } });
    const peer = await place.connected();
    const first = peer.request({ payload: bytes('first') });
    const second = peer.request({ payload: bytes('second') });
    peer.send(first);
    expect(await peer.ask(second)).toMatchObject({ requestId: second.requestId });
    waiting[0]?.();
    expect(await peer.answer(2)).toMatchObject({ requestId: first.requestId });
  });
});

describe('what comes right behind a connection request', () => {
  it.each([true, false])('in the same read: another one, and a request; TLS %s', async (tls) => {
    const place = await start({ tls });
    const peer = await place.peer();
    const requests = [peer.connectionRequest(), peer.connectionRequest(), peer.request()];
    peer.sendTogether(requests);
    await peer.answer(2);
    const wanted = [2, 2, 3].map((messageType) => ({ messageType, success: true }));
    expect(peer.answers).toMatchObject(wanted);
    expect(peer.answers.map(({ requestId }) => requestId)).toEqual(
      requests.map(({ requestId }) => requestId),
    );
    // The twin: another device's is refused, and ends the connection.
    const other = await place.peer('device-2');
    peer.sendTogether([peer.connectionRequest(), other.connectionRequest()]);
    await peer.answer(4);
    expect(peer.answers.slice(3)).toMatchObject([
      { success: true },
      { errorCode: 'CONNECTION_REJECTED' },
    ]);
    expect((await peer.closed).code).toBe(1008);
  });

  async function startAsked() {
    const asked: ((admitted: boolean) => void)[] = [];
    const admit = () => new Promise<boolean>((resolve) => asked.push(resolve));
    const place = await start({ authenticator: { admit } });
    const peer = await place.peer();
    const behind = [peer.request({ payload: bytes('1') }), peer.request({ payload: bytes('2') })];
    for (const request of [peer.connectionRequest(), ...behind]) peer.send(request);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    // Nothing is judged before the session is decided, however long that takes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(peer.answers).toEqual([]);
    return { place, peer, behind, asked };
  }

  it('waits for its session, and is then served in its order', async () => {
    const { peer, behind, asked } = await startAsked();
    asked[0]?.(true);
    await peer.answer(2);
    const [hello, ...answers] = peer.answers;
    expect(hello).toMatchObject({ messageType: 2, success: true });
    const wanted = behind.map(({ requestId }) => ({ requestId, success: true }));
    expect(answers).toMatchObject(wanted);
  });

  it('is not served when there is none', async () => {
    const { place, peer, asked } = await startAsked();
    asked[0]?.(false);
    expect((await peer.closed).code).toBe(1008);
    expect(peer.answers).toMatchObject([{ errorCode: 'CONNECTION_REJECTED' }]);
    expect(place.server.counts.get('delivered') ?? 0).toBe(0);
  });

  it('waits again for the next session: one question at a time', async () => {
    const { peer, asked } = await startAsked();
    const request = peer.request();
    for (const next of [peer.connectionRequest(), request]) peer.send(next);
    asked[0]?.(true);
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    await peer.answer(2);
    expect(peer.answers).toHaveLength(3);
    asked[1]?.(true);
    expect(await peer.answer(4)).toMatchObject({ requestId: request.requestId, success: true });
  });
});

describe('each error code of section 7', () => {
  const expectError = (answer: RatatoskrResponse, code: string, errorClass: string) => {
    expect(answer).toMatchObject({ messageType: 6, success: false, errorCode: code });
    expect(answer.metadata.get('class')).toBe(errorClass);
  };
  it('INVALID_FORMAT: a text frame stays, the third closes', async () => {
    const place = await start();
    const peer = await place.connected();
    peer.socket.send('one');
    peer.socket.send('two');
    expectError(await peer.answer(2), 'INVALID_FORMAT', 'SerializationError');
    expect((await peer.answer(2)).requestId).toBe('-');
    expect((await peer.ask(peer.request({ payload: bytes('x') }))).success).toBe(true);
    peer.socket.send('three');
    expect((await peer.closed).code).toBe(1003);
  });

  it('MALFORMED: the third in 60 s closes with 1007, one that comes later does not', async () => {
    const place = await start();
    const peer = await place.connected();
    const malformed = Uint8Array.of(0x08, 0x80);
    expectError(await peer.ask(malformed), 'MALFORMED', 'SerializationError');
    await peer.ask(malformed);
    place.clock.pass(61);
    await peer.ask(malformed);
    expect((await peer.ask(peer.request())).success).toBe(true);
    await peer.ask(malformed);
    peer.send(malformed);
    expect((await peer.closed).code).toBe(1007);
  });

  it('closes with 1009 one byte beyond the longest message', async () => {
    const place = await start();
    const peer = await place.connected();
    peer.send(new Uint8Array(1_114_113));
    expect((await peer.closed).code).toBe(1009);
    const other = await place.connected();
    const longest = other.request({ payload: new Uint8Array(1_048_576) });
    expect((await other.ask(longest)).payload.length).toBe(1_048_576);
  });

  it('INVALID_REQUEST: the schema; the connection stays and the id comes back', async () => {
    const place = await start();
    const peer = await place.connected();
    const good = peer.request({ payload: bytes('x') });
    const encoded = place.codec.encodeRequest(good);
    // message_type 3 becomes 2, which is the server's.
    const answer = await peer.ask(Uint8Array.from(encoded, (b, i) => (i === 1 ? 2 : b)));
    expectError(answer, 'INVALID_REQUEST', 'ValidationError');
    expect(answer.requestId).toBe(good.requestId);
    expect((await peer.ask(good)).success).toBe(true);
  });

  it('TIMESTAMP_INVALID: 300 s old is taken, 301 is not, nor the next second', async () => {
    const place = await start({ refuseBeforeS: 0 });
    const peer = await place.connected();
    const now = BigInt(place.clock.wallS());
    const at = (timestamp: bigint) => peer.ask(peer.request({ timestamp }));
    expect((await at(now - 300n)).success).toBe(true);
    expectError(await at(now - 301n), 'TIMESTAMP_INVALID', 'ValidationError');
    expectError(await at(now + 1n), 'TIMESTAMP_INVALID', 'ValidationError');
    expect((await at(now)).success).toBe(true);
  });

  it('TIMESTAMP_INVALID: what is dated before the start, an earlier process may know', async () => {
    const place = await start();
    const peer = await place.connected();
    const now = BigInt(place.clock.wallS());
    const early = await peer.ask(peer.request({ timestamp: now - 1n }));
    expectError(early, 'TIMESTAMP_INVALID', 'ValidationError');
    expect((await peer.ask(peer.request({ timestamp: now }))).success).toBe(true);
  });

  it('UNAUTHENTICATED: one answer for three reasons, and the end before a session', async () => {
    const place = await start();
    const answers: RatatoskrResponse[] = [];
    for (const change of [
      { deviceId: 'device-9' },
      { userId: 'user-9' },
      { signature: new Uint8Array(64) },
      { deviceId: 'device-2' },
    ]) {
      const peer = await place.peer();
      const request = peer.connectionRequest('1.0', { requestId: 'the same', ...change });
      answers.push(await peer.ask(request));
      expect((await peer.closed).code).toBe(1008);
    }
    for (const answer of answers) {
      expectError(answer, 'UNAUTHENTICATED', 'SecurityError');
      expect({ ...answer, metadata: 0 }).toEqual({ ...answers[0], metadata: 0 });
    }
    const reasons = place.audit.recent().flatMap(({ reason }) => reason ?? []);
    expect(reasons).toEqual([
      'UNAUTHENTICATED UNKNOWN_DEVICE',
      'UNAUTHENTICATED WRONG_USER',
      'UNAUTHENTICATED BAD_SIGNATURE',
      'UNAUTHENTICATED BAD_SIGNATURE',
    ]);
  });

  it('UNAUTHENTICATED: the third ends a session', async () => {
    const place = await start();
    const peer = await place.connected();
    const wrong = () => peer.request({ signature: new Uint8Array(64) });
    await peer.ask(wrong());
    await peer.ask(wrong());
    expect((await peer.ask(peer.request())).success).toBe(true);
    peer.send(wrong());
    expect((await peer.closed).code).toBe(1008);
  });

  it('REPLAY: the same bytes again; the connection stays', async () => {
    const place = await start();
    const peer = await place.connected();
    const request = peer.request();
    expect((await peer.ask(request)).success).toBe(true);
    expectError(await peer.ask(request), 'REPLAY', 'SecurityError');
    expect((await peer.ask(peer.request())).success).toBe(true);
  });

  it('NONCE_CACHE_FULL: until the oldest are stale', async () => {
    const rates = { perMinute: 10_000, perHour: 100_000 };
    const place = await start({ replayEntries: 64, rates, connectionRate: { burst: 10_000 } });
    const peer = await place.connected();
    for (let i = 0; i < 63; i++) await peer.ask(peer.request());
    expectError(await peer.ask(peer.request()), 'NONCE_CACHE_FULL', 'SecurityError');
    place.clock.pass(302);
    expect((await peer.ask(peer.request())).success).toBe(true);
  });

  it('NO_SESSION and SESSION_EXPIRED; a connection request replaces the session', async () => {
    const place = await start();
    const peer = await place.peer();
    expectError(await peer.ask(peer.request()), 'NO_SESSION', 'ConnectionError');
    const heartbeat = peer.request({ messageType: MessageType.HEARTBEAT });
    expectError(await peer.ask(heartbeat), 'NO_SESSION', 'ConnectionError');
    const sessionOf = (answer: RatatoskrResponse) => {
      const opened = place.codec.openConnectionResponse(answer.payload);
      return opened.ok ? opened.payload.sessionId : '';
    };
    const first = sessionOf(await peer.ask(peer.connectionRequest()));
    expect((await peer.ask(peer.request())).success).toBe(true);
    place.clock.pass(86_399);
    expect((await peer.ask(peer.request())).success).toBe(true);
    place.clock.pass(1);
    expectError(await peer.ask(peer.request()), 'SESSION_EXPIRED', 'ConnectionError');
    expect(place.server.sessions).toBe(0);
    const second = sessionOf(await peer.ask(peer.connectionRequest()));
    expect((await peer.ask(peer.request())).success).toBe(true);
    expect([first, second].every((id) => /^[0-9a-f-]{36}$/.test(id))).toBe(true);
    expect(second).not.toBe(first);
    expect(place.server.sessions).toBe(1);
  });

  it('ends a silent connection, but not one that is not read while services work', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const handle = async () => {
      await held;
      return new Uint8Array();
    };
    const place = await start({ bus: { fallback: { name: 'slow', handle }, deadlineMs: 60_000 } });
    const [busy, idle] = [await place.connected(), await place.connected('device-2')];
    for (let i = 0; i < UNDER_WAY_PAUSE; i++) busy.send(busy.request());
    for (let i = 0; i < UNDER_WAY_PAUSE - 1; i++) idle.send(idle.request());
    await until(() => place.server.counts.get('ok') === 2 * UNDER_WAY_PAUSE + 1);
    for (let s = 0; s < 100; s += 10) {
      place.server.sweep();
      place.clock.pass(10);
    }
    place.server.sweep();
    expect((await idle.closed).code).toBe(1001);
    release();
    await busy.answer(UNDER_WAY_PAUSE);
    expect((await busy.ask(busy.request())).success).toBe(true);
    place.clock.pass(90);
    place.server.sweep();
    expect((await busy.closed).code).toBe(1001);
  });

  it('RATE_LIMITED: the 61st message of a device in a minute', async () => {
    const place = await start();
    const peer = await place.connected();
    for (let i = 0; i < 59; i++) expect((await peer.ask(peer.request())).success).toBe(true);
    expectError(await peer.ask(peer.request()), 'RATE_LIMITED', 'SecurityError');
    place.clock.pass(1);
    expect((await peer.ask(peer.request())).success).toBe(true);
  });

  it.each([
    ['another version', '2.0'],
    ['no version', ''],
    ['a version that is none', '1.x'],
  ])('CONNECTION_REJECTED: %s', async (_, version) => {
    const place = await start();
    const peer = await place.peer();
    const answer = await peer.ask(peer.connectionRequest(version));
    expect(answer).toMatchObject({ messageType: 2, success: false });
    expect(answer.errorCode).toBe('CONNECTION_REJECTED');
    expect(place.codec.openConnectionResponse(answer.payload)).toMatchObject({
      payload: { accepted: false, sessionId: '' },
    });
    expect((await peer.closed).code).toBe(1008);
  });

  it.each(['1', '1.0', '1.0.0', '1.12.3'])('takes version %s', async (version) => {
    const peer = await (await start()).peer();
    expect((await peer.ask(peer.connectionRequest(version))).success).toBe(true);
  });

  it('CONNECTION_REJECTED: an authenticator that says no, fails, or goes on for ever', async () => {
    const seen: unknown[] = [];
    const place = await start({
      authenticator: {
        admit: (credentials) => {
          seen.push(credentials);
          if (credentials.authenticationToken === 'broken') throw new Error('down');
          return credentials.authenticationToken === 'right';
        },
      },
    });
    const ask = async (token: string) => {
      const peer = await place.peer();
      return (await peer.ask(peer.connectionRequest('1.0', {}, token))).errorCode;
    };
    expect(await ask('wrong')).toBe('CONNECTION_REJECTED');
    expect(await ask('broken')).toBe('CONNECTION_REJECTED');
    expect(await ask('right')).toBe('');
    expect(seen[0]).toEqual({
      ...{ deviceId: 'device-1', userId: USER, deviceIdentity: 'identity' },
      authenticationToken: 'wrong',
    });
    expect(JSON.stringify(place.audit.recent())).not.toMatch(/wrong|broken|"right/);
  });

  it('SERVICE_UNAVAILABLE and SERVICE_ERROR, without a word of the inside', async () => {
    const crash = {
      name: 'crash',
      handle: () => {
        throw new Error('the password is swordfish');
      },
    };
    const place = await start({ bus: { routes: new Map([['CRASH', crash]]) } });
    const peer = await place.connected();
    const ask = (request_type: string) =>
      peer.ask(peer.request({ payload: bytes(JSON.stringify({ request_type })) }));
    expectError(await ask('NOBODY'), 'SERVICE_UNAVAILABLE', 'ConnectionError');
    const failed = await ask('CRASH');
    expectError(failed, 'SERVICE_ERROR', 'ConnectionError');
    expect(failed.errorMessage).not.toContain('swordfish');
    expect((await peer.ask(peer.request({ payload: bytes('x') }))).success).toBe(true);
  });
});
