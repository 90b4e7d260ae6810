import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Arrived,
  bytes,
  idOf,
  ScriptedPlace,
  signerNamed,
  text,
} from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';
import type { CallAnswer } from './call-desk.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const place = (options: Partial<RatatoskrClientOptions> = {}) => new ScriptedPlace(module, options);
const connected = (options: Partial<RatatoskrClientOptions> = {}) => place(options).connected();

/** How a call ended, once it has. */
function ended(call: Promise<CallAnswer>): { value: unknown } {
  const end: { value: unknown } = { value: undefined };
  call.then(
    (answer) => {
      end.value = text(answer.payload);
    },
    (error) => {
      end.value = error;
    },
  );
  return end;
}

describe('a call', () => {
  it('is signed, dated and numbered, and gives the answer', async () => {
    const { client, server, clock, events } = await connected();
    await clock.pass(1500);
    const answer = await client.call(bytes('hello'));
    expect(text(answer.payload)).toBe('hello');
    expect(answer.signed).toBe(true);
    const [arrived] = server.business as [Arrived];
    expect(arrived.request).toMatchObject({
      messageType: 3,
      deviceId: 'device-1',
      userId: 'user-1',
      timestamp: BigInt(clock.unixS()),
      requestId: answer.requestId,
    });
    expect(arrived.request.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(arrived.request.nonce).toHaveLength(16);
    expect(arrived.request.signature).toEqual(signerNamed('device').signNow(arrived.digest));
    expect(arrived.request.metadata.size).toBe(0);
    expect(events).toContainEqual({ kind: 'roundTrip', elapsedMs: 0 });
  });

  it('has the second signature when it is wanted', async () => {
    const { client, server } = await connected({ signV2: true });
    await client.call(bytes('hello'));
    expect(server.business[0]?.request.metadata.get('x-ratatoskr-sig2')).toMatch(/^[\w-]{86}$/);
  });

  it('is matched by its request_id, in whatever order answers come', async () => {
    const { client, server, clock } = await connected();
    const held: Arrived[] = [];
    server.onBusiness = (arrived) => held.push(arrived);
    const calls = ['a', 'b', 'c'].map((word) => client.call(bytes(word)));
    await clock.settle();
    for (const arrived of held.reverse()) {
      const payload = bytes(`answer to ${text(arrived.request.payload)}`);
      await arrived.peer.answer(arrived, { payload });
    }
    expect((await Promise.all(calls)).map(({ payload }) => text(payload))).toEqual([
      'answer to a',
      'answer to b',
      'answer to c',
    ]);
  });

  it("takes an answer once: the same again is nobody's", async () => {
    const placed = await connected();
    const { client, server, clock } = placed;
    let first = new Uint8Array(0);
    server.onBusiness = async (arrived) => {
      first = new Uint8Array(await arrived.peer.answer(arrived, { payload: bytes('one') }));
    };
    expect(text((await client.call(bytes('1'))).payload)).toBe('one');
    server.peer.deliver(first);
    await clock.settle();
    expect(placed.problems()).toEqual(['an answer that nobody waits for']);
    // Nor is it taken for the answer to the next call.
    server.onBusiness = (arrived) => arrived.peer.deliver(first);
    const end = ended(client.call(bytes('2'), { timeoutMs: 1000 }));
    await clock.pass(999);
    expect(end.value).toBeUndefined();
    await clock.pass(1);
    expect(end.value).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'unknown' });
  });

  it('is ended by its time, and says whether it was sent', async () => {
    const { client, server, clock } = await connected();
    server.onBusiness = () => undefined;
    const sent = ended(client.call(bytes('x'), { timeoutMs: 2000 }));
    await clock.pass(2000);
    expect(sent.value).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'unknown' });
    await client.disconnect();
    const unsent = ended(client.call(bytes('x'), { timeoutMs: 2000 }));
    await clock.pass(1999);
    expect(unsent.value).toBeUndefined();
    await clock.pass(1);
    expect(unsent.value).toMatchObject({ code: 'ANDVARI_TIMEOUT', outcome: 'not-executed' });
    expect(client.status().queue).toMatchObject({ waiting: 0, underWay: 0, bytes: 0 });
  });

  it("is ended by its signal with the signal's reason; the answer then is nobody's", async () => {
    const { client, server, clock } = await connected();
    const held: Arrived[] = [];
    server.onBusiness = (arrived) => held.push(arrived);
    const stop = new AbortController();
    const end = ended(client.call(bytes('x'), { signal: stop.signal }));
    const other = ended(client.call(bytes('y'), { signal: new AbortController().signal }));
    await clock.settle();
    const reason = new Error('enough');
    stop.abort(reason);
    await clock.settle();
    expect(end.value).toBe(reason);
    for (const arrived of held) await arrived.peer.answer(arrived, { payload: bytes('late') });
    await clock.settle();
    expect(other.value).toBe('late');
    await expect(client.call(bytes('z'), { signal: stop.signal })).rejects.toBe(reason);
    expect(server.business).toHaveLength(2);
  });

  it('is refused before it leaves when it cannot be a message', async () => {
    const { client, server } = await connected();
    const wrong = (payload: Uint8Array, options = {}) =>
      expect(client.call(payload, options)).rejects.toMatchObject({ code: 'ANDVARI_BAD_REQUEST' });
    await wrong(new Uint8Array(1_048_577));
    await wrong(bytes('x'), { timeoutMs: 0 });
    await wrong(bytes('x'), { timeoutMs: 2 ** 31 });
    await wrong(bytes('x'), { requestId: '' });
    await wrong(bytes('x'), { requestId: 'x'.repeat(257) });
    expect(server.business).toHaveLength(0);
    server.onBusiness = () => undefined;
    const held = client.call(bytes('x'), { requestId: idOf(1) });
    await wrong(bytes('x'), { requestId: idOf(1) });
    await client.close();
    await expect(held).rejects.toMatchObject({ code: 'ANDVARI_CLOSED' });
    const longest = await connected();
    const answer = await longest.client.call(new Uint8Array(1_048_576));
    expect(answer.payload).toHaveLength(1_048_576);
  });

  it('tells what the server says, and whether it may have been executed', async () => {
    const { client, server } = await connected();
    const refusedBy = async (code: string) => {
      server.onBusiness = (arrived) => arrived.peer.refuse(arrived, code);
      return client.call(bytes('x')).catch((error) => error);
    };
    const refused = { code: 'ANDVARI_REFUSED', message: 'SERVICE_ERROR: no' };
    expect(await refusedBy('SERVICE_ERROR')).toMatchObject({ ...refused, outcome: 'unknown' });
    const outcomeOf = async (code: string) => {
      const error = await refusedBy(code);
      expect(error).toMatchObject({ serverCode: code });
      return error.outcome;
    };
    expect(await outcomeOf('INVALID_REQUEST')).toBe('not-executed');
    expect(await outcomeOf('UNAUTHENTICATED')).toBe('unknown');
    expect((await refusedBy('\u202egnirts\n')).message).toBe('\ufffdgnirts\ufffd: no');
  });
});

describe("an answer that is not the server's", () => {
  const wrongAnswers: [string, (arrived: Arrived) => Promise<Uint8Array>][] = [
    [
      'signed by another key',
      ({ request, digest, peer }) => {
        const { requestId } = request;
        return peer.server.sealed({ requestId }, digest, signerNamed('another server'));
      },
    ],
    [
      'signed for another request',
      ({ request, peer }) => {
        const digest = peer.server.arrived[0]?.digest as Uint8Array;
        return peer.server.sealed({ requestId: request.requestId }, digest);
      },
    ],
    [
      'signed for no request, and no error',
      ({ request, peer }) => peer.server.sealed({ requestId: request.requestId }),
    ],
    [
      'not signed',
      async ({ request, digest, peer }) => {
        const { codec } = peer.server;
        const signed = await peer.server.sealed({ requestId: request.requestId }, digest);
        const opened = codec.openResponse(signed);
        if (!opened.ok) throw new Error(opened.reason);
        return codec.encodeResponse({ ...opened.response, metadata: new Map() });
      },
    ],
    [
      'changed on the way',
      async ({ request, digest, peer }) => {
        const { codec } = peer.server;
        const signed = await peer.server.sealed({ requestId: request.requestId }, digest);
        const opened = codec.openResponse(signed);
        if (!opened.ok) throw new Error(opened.reason);
        return codec.encodeResponse({ ...opened.response, payload: bytes('you owe me') });
      },
    ],
  ];

  it.each(wrongAnswers)('ends the call when it is %s', async (_, make) => {
    const { client, server } = await connected();
    server.onBusiness = async (arrived) => arrived.peer.deliver(await make(arrived));
    await expect(client.call(bytes('x'))).rejects.toMatchObject({
      code: 'ANDVARI_UNTRUSTED',
      outcome: 'unknown',
    });
    // The connection serves on: the next call has its answer.
    server.onBusiness = (arrived) => arrived.peer.answer(arrived, { payload: bytes('good') });
    expect(text((await client.call(bytes('y'))).payload)).toBe('good');
  });

  it('is taken unsigned where that is allowed, and never with a wrong signature', async () => {
    const [signedByOther, , , unsigned] = wrongAnswers.map(([, make]) => make);
    for (const options of [{ requireSignedResponses: false }, { serverKey: undefined }]) {
      const { client, server } = await connected(options);
      server.onBusiness = async (arrived) => {
        arrived.peer.deliver((await unsigned?.(arrived)) as Uint8Array);
      };
      expect((await client.call(bytes('x'))).signed).toBe(false);
    }
    const { client, server } = await connected({ requireSignedResponses: false });
    server.onBusiness = async (arrived) => {
      arrived.peer.deliver((await signedByOther?.(arrived)) as Uint8Array);
    };
    await expect(client.call(bytes('x'))).rejects.toMatchObject({ code: 'ANDVARI_UNTRUSTED' });
  });

  it('to a connection request ends the client: this is not the server that is meant', async () => {
    const { client, server, clock } = place({ serverKey: signerNamed('meant').publicKey });
    const waiting = ended(client.call(bytes('x')));
    await expect(client.connect()).rejects.toMatchObject({ code: 'ANDVARI_UNTRUSTED' });
    expect(client.status()).toMatchObject({ state: 'failed', session: undefined });
    expect(waiting.value).toMatchObject({ code: 'ANDVARI_UNTRUSTED', outcome: 'not-executed' });
    await clock.pass(600_000);
    expect(server.peers).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['no message', Uint8Array.of(0x08, 0x80)],
    ['a request', undefined],
  ])('ends the connection when it is %s', async (_, message) => {
    const { client, server, clock } = await connected();
    server.onBusiness = ({ peer, request }) =>
      peer.deliver(message ?? server.codec.encodeRequest({ ...request, messageType: 3 }));
    const end = ended(client.call(bytes('x')));
    await clock.settle();
    expect(client.status()).toMatchObject({
      state: 'waiting',
      fault: { code: 'ANDVARI_BAD_REPLY' },
    });
    server.onBusiness = (arrived) => arrived.peer.answer(arrived, { payload: bytes('good') });
    await clock.pass(1000);
    expect(end.value).toBe('good');
  });

  it('of another type than the request wants is refused', async () => {
    const { client, server } = await connected();
    server.onBusiness = (arrived) => arrived.peer.answer(arrived, { messageType: 2 });
    await expect(client.call(bytes('x'))).rejects.toMatchObject({
      code: 'ANDVARI_BAD_REPLY',
      outcome: 'unknown',
    });
  });
});
