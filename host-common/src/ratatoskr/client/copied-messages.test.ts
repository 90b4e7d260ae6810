/** Messages that come twice, out of order, or one copy damaged: what a client then knows. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Arrived,
  bytes,
  idOf,
  ScriptedPlace,
  text,
} from '../../../../tests/ratatoskr/scripted-server.ts';
import { plainEngine } from '../../engine/module.ts';
import { MessageType, NOT_EXECUTED } from '../messages.ts';
import type { RatatoskrClientOptions } from './client-options.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const connected = (options: Partial<RatatoskrClientOptions> = {}) =>
  new ScriptedPlace(module, options).connected();

/** An ERROR; signed for no request, as a server does that has not got so far as a digest. */
const unbound = async ({ request, peer }: Arrived, errorCode: string) => {
  const messageType = MessageType.ERROR;
  const refusal = { messageType, success: false, errorCode, errorMessage: 'no' };
  peer.deliver(await peer.server.sealed({ requestId: request.requestId, ...refusal }));
};

const outcome = (call: Promise<{ payload: Uint8Array }>) =>
  call.then(
    ({ payload }) => text(payload),
    (error) => `${error.code} ${error.outcome}`,
  );

describe('a call of which a relay sends two copies', () => {
  it.each(['REPLAY first', 'answer first'])('has its answer: %s', async (order) => {
    const placed = await connected();
    const { client, server } = placed;
    server.onBusiness = async (arrived) => {
      const { peer } = arrived;
      const refuse = () => peer.refuse(arrived, 'REPLAY');
      if (order === 'REPLAY first') await refuse();
      await peer.answer(arrived, { payload: bytes('paid') });
      if (order !== 'REPLAY first') await refuse();
    };
    expect(await outcome(client.call(bytes('pay')))).toBe('paid');
    await placed.clock.settle();
    expect(placed.problems()).toHaveLength(1);
  });

  it('waits for the answer that the REPLAY has overtaken, until its time-out', async () => {
    const { client, server, clock } = await connected();
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'REPLAY');
    let end: string | undefined;
    const call = outcome(client.call(bytes('pay'), { timeoutMs: 2000, requestId: idOf(1) }));
    void call.then((how) => {
      end = how;
    });
    await clock.pass(1999);
    expect(end).toBeUndefined();
    await clock.pass(1);
    expect(end).toBe('ANDVARI_TIMEOUT unknown');
    // Asked again under its request_id, the server answers from its memory.
    server.onBusiness = (arrived) => arrived.peer.answer(arrived, { payload: bytes('paid') });
    expect(await outcome(client.call(bytes('pay'), { requestId: idOf(1) }))).toBe('paid');
  });
});

describe('a call of which a relay damages one copy', () => {
  // UNAUTHENTICATED is signed for the digest, but a signature that was damaged is not in it.
  const codes = ['INVALID_REQUEST', 'MALFORMED', 'INVALID_FORMAT', 'UNAUTHENTICATED'];

  it.each(codes)('is of unknown outcome: %s for no request', async (code) => {
    const { client, server } = await connected();
    server.onBusiness = (arrived) => unbound(arrived, code);
    expect(await outcome(client.call(bytes('pay')))).toBe('ANDVARI_REFUSED unknown');
  });

  it('is of unknown outcome when the error is not signed at all', async () => {
    const { client, server } = await connected();
    server.onBusiness = async ({ request, peer }) => {
      const { codec } = server;
      const opened = codec.openResponse(await server.sealed({ requestId: request.requestId }));
      if (!opened.ok) throw new Error(opened.reason);
      const error = { messageType: MessageType.ERROR, success: false, errorCode: 'NO_SESSION' };
      const response = { ...opened.response, ...error, metadata: new Map() };
      peer.deliver(codec.encodeResponse(response));
    };
    expect(await outcome(client.call(bytes('pay')))).toBe('ANDVARI_UNTRUSTED unknown');
  });

  it.each([
    // Too many calls say nothing of this one: it goes again as long as its time lasts.
    ['RATE_LIMITED', 'ANDVARI_TIMEOUT'],
    ['TIMESTAMP_INVALID', 'ANDVARI_REFUSED'],
  ])('goes again after %s', async (code, end) => {
    const { client, server, clock } = await connected();
    server.onBusiness = (arrived) => unbound(arrived, code);
    const lost = outcome(client.call(bytes('pay'), { timeoutMs: 2_000_000 }));
    await clock.pass(2_000_000);
    expect(await lost).toBe(`${end} unknown`);
    server.onBusiness = (arrived) => {
      server.onBusiness = (next) => next.peer.answer(next, { payload: bytes('paid') });
      return unbound(arrived, code);
    };
    const met = outcome(client.call(bytes('pay'), { timeoutMs: 90_000 }));
    await clock.pass(90_000);
    expect(await met).toBe('paid');
  });

  it('was not executed where the refusal holds for all copies', async () => {
    const { client, server } = await connected();
    server.onBusiness = (arrived) => arrived.peer.refuse(arrived, 'INVALID_REQUEST');
    expect(await outcome(client.call(bytes('pay')))).toBe('ANDVARI_REFUSED not-executed');
    const unavailable = (errorMessage: string) => {
      const messageType = MessageType.ERROR;
      const errorCode = 'SERVICE_UNAVAILABLE';
      server.onBusiness = (arrived) =>
        arrived.peer.answer(arrived, { messageType, success: false, errorCode, errorMessage });
      return outcome(client.call(bytes('pay')));
    };
    expect(await unavailable(`${NOT_EXECUTED}nobody`)).toBe('ANDVARI_REFUSED not-executed');
    expect(await unavailable('nobody')).toBe('ANDVARI_REFUSED unknown');
  });

  it.each([
    ['INVALID_REQUEST', 'no', 'unknown'],
    ['SERVICE_UNAVAILABLE', 'no', 'unknown'],
    ['SERVICE_UNAVAILABLE', `${NOT_EXECUTED}no`, 'not-executed'],
  ])('is told from its code where nothing is signed: %s, %s', async (errorCode, words, known) => {
    const { client, server } = await connected({ serverKey: undefined });
    const refusal = { messageType: MessageType.ERROR, success: false, errorCode };
    server.onBusiness = (arrived) =>
      arrived.peer.answer(arrived, { ...refusal, errorMessage: words });
    expect(await outcome(client.call(bytes('pay')))).toBe(`ANDVARI_REFUSED ${known}`);
  });
});
