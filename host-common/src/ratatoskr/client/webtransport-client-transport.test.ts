/** With a session of streams in memory; against a real server in tests/browser. */
import { describe, expect, it } from 'vitest';
import { framed } from './length-frames.ts';
import { WebTransportClientTransport } from './webtransport-client-transport.ts';

/** First byte of the hash of a certificate that is out of use. */
const OLD = 255;

/** The platform's WebTransport, as far as the transport uses it. */
class FakeSession {
  static made: FakeSession[] = [];
  readonly url: string;
  readonly options: WebTransportOptions;
  readonly ready: Promise<void>;
  readonly closed: Promise<WebTransportCloseInfo>;
  readonly closing = Promise.withResolvers<WebTransportCloseInfo>();
  readonly sent: number[] = [];
  ended: WebTransportCloseInfo | undefined;
  toClient!: ReadableStreamDefaultController<Uint8Array>;

  constructor(url: string, options: WebTransportOptions) {
    this.url = url;
    this.options = options;
    this.closed = this.closing.promise;
    const { serverCertificateHashes: hashes = [] } = options;
    const isOld = [...hashes].some(({ value }) => (value as Uint8Array)[0] === OLD);
    if (isOld) url = 'https://nobody/';
    this.ready =
      url === 'https://nobody/' ? Promise.reject(new Error('nobody there')) : Promise.resolve();
    if (url === 'https://silent/') this.ready = new Promise(() => undefined);
    FakeSession.made.push(this);
  }

  async createBidirectionalStream() {
    return {
      writable: new WritableStream<Uint8Array>({ write: (chunk) => void this.sent.push(...chunk) }),
      readable: new ReadableStream<Uint8Array>({
        start: (controller) => {
          this.toClient = controller;
        },
      }),
    };
  }

  close(info: WebTransportCloseInfo = {}): void {
    this.ended = info;
  }
}

const Session = FakeSession as unknown as typeof WebTransport;
const settle = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
/** For so long the server may say why it has ended the stream. */
const GOODBYE_MS = 1000;

async function connect(url = 'https://server/ratatoskr', hashes: Uint8Array<ArrayBuffer>[] = []) {
  const heard: Uint8Array[] = [];
  let signs = 0;
  const ends: [number, string][] = [];
  const options = { url, certificateHashes: hashes, WebTransport: Session };
  const channel = await new WebTransportClientTransport(options).connect(
    {
      message: (bytes) => heard.push(bytes),
      alive: () => signs++,
      closed: (code, reason) => ends.push([code, reason]),
    },
    new AbortController().signal,
  );
  const session = FakeSession.made.at(-1) as FakeSession;
  return { channel, session, heard, ends, signs: () => signs };
}

describe('a WebTransport session', () => {
  it('carries framed messages on one stream', async () => {
    const hash = new Uint8Array(32).fill(7);
    const { channel, session, heard, ends, signs } = await connect(undefined, [hash]);
    expect(session.options).toEqual({
      serverCertificateHashes: [{ algorithm: 'sha-256', value: hash }],
    });
    channel.send(Uint8Array.of(1, 2));
    channel.send(Uint8Array.of(3));
    await settle();
    expect(session.sent).toEqual([0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3]);
    const frame = framed(Uint8Array.of(9, 8, 7));
    expect(signs()).toBe(0);
    session.toClient.enqueue(frame.subarray(0, 5));
    await settle();
    // A long answer on a slow line is no silence.
    expect([signs(), heard.length]).toEqual([1, 0]);
    session.toClient.enqueue(frame.subarray(5));
    await settle();
    expect(heard).toEqual([Uint8Array.of(9, 8, 7)]);
    expect(ends).toEqual([]);
  });

  it('says no hash where there is none to say', async () => {
    expect((await connect()).session.options).toEqual({});
  });

  it('asks for the hashes before each connection, and again when one has failed', async () => {
    const hash = (first: number) => new Uint8Array(32).fill(first);
    const events = { message: () => undefined, closed: () => undefined };
    const transportOf = (...answers: number[]) => {
      const ask = async () => [hash(answers.shift() ?? expect.fail('asked too often'))];
      const options = { url: 'https://server/', certificateHashes: ask, WebTransport: Session };
      return { answers, transport: new WebTransportClientTransport(options) };
    };
    const { signal } = new AbortController();
    const good = transportOf(1, OLD, 2);
    await good.transport.connect(events, signal);
    // The server began anew while the first answer was used.
    await good.transport.connect(events, signal);
    const used = FakeSession.made.at(-1)?.options.serverCertificateHashes;
    expect(used).toEqual([{ algorithm: 'sha-256', value: hash(2) }]);
    const stale = transportOf(OLD, OLD);
    await expect(stale.transport.connect(events, signal)).rejects.toThrow('nobody there');
    expect([good.answers, stale.answers]).toEqual([[], []]);
    const stop = new AbortController();
    const never = () => new Promise<never>(() => undefined);
    const waiting = new WebTransportClientTransport({ url: '', certificateHashes: never });
    const connecting = waiting.connect(events, stop.signal);
    stop.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
  });

  it.each<[string, (session: FakeSession) => void, number]>([
    [
      'the server closes',
      ({ closing }) => closing.resolve({ closeCode: 1008, reason: 'enough' }),
      1008,
    ],
    ['the connection is lost', ({ closing }) => closing.reject(new Error('lost')), 1006],
    [
      'a message is too long',
      ({ toClient }) => toClient.enqueue(framed(new Uint8Array(1_114_113))),
      1009,
    ],
  ])('ends once when %s', async (_, end, code) => {
    const { channel, session, heard, ends } = await connect();
    end(session);
    await settle();
    expect(ends.map(([first]) => first)).toEqual([code]);
    expect(heard).toEqual([]);
    session.closing.resolve({});
    channel.send(Uint8Array.of(1));
    channel.close(1000, '');
    await settle();
    expect(ends).toHaveLength(1);
    expect(session.ended).toBeDefined();
  });

  it.each<[string, (session: FakeSession) => void]>([
    ['ends', ({ toClient }) => toClient.close()],
    ['is reset', ({ toClient }) => toClient.error(new Error('reset'))],
  ])('whose stream %s waits for the reason, but not for long', async (_, end) => {
    const told = await connect();
    end(told.session);
    await settle();
    expect(told.ends).toEqual([]);
    told.session.closing.resolve({ closeCode: 1001, reason: 'the server stops' });
    await settle();
    expect(told.ends).toEqual([[1001, 'the server stops']]);

    const untold = await connect();
    end(untold.session);
    await settle(GOODBYE_MS + 200);
    expect(untold.ends.map(([code]) => code)).toEqual([1006]);

    const left = await connect();
    end(left.session);
    await settle();
    left.channel.close(1000, '');
    await settle(GOODBYE_MS + 200);
    expect([told.ends.length, left.ends.length]).toEqual([1, 0]);
  });

  it('says what was written before it ends; the owner who closes is not told', async () => {
    const { channel, session, ends } = await connect();
    channel.send(Uint8Array.of(1));
    channel.close(1000, 'goodbye');
    await settle();
    expect(session.sent).toEqual([0, 0, 0, 1, 1]);
    expect(session.ended).toEqual({ closeCode: 1000, reason: 'goodbye' });
    session.closing.resolve({});
    await settle();
    expect(ends).toEqual([]);
  });

  it('that does not come about rejects, and is closed when it takes too long', async () => {
    await expect(connect('https://nobody/')).rejects.toThrow('nobody there');
    const stop = new AbortController();
    const events = { message: () => undefined, closed: () => undefined };
    const options = { url: 'https://silent/', WebTransport: Session };
    const connecting = new WebTransportClientTransport(options).connect(events, stop.signal);
    stop.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    expect(FakeSession.made.at(-1)?.ended).toBeDefined();
  });
});
