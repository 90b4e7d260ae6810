// A wall clock that somebody sets while a server runs: who comes then is served, and who was there.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { EchoServer } from './testing/echo-server.ts';
import { QuicClient, quicAvailable } from './testing/quic-client.ts';
import { NodeWebTransport } from './webtransport-client.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe.runIf(quicAvailable)('a clock that is set', () => {
  const atEnd = closedAfterEach();
  afterEach(() => vi.useRealTimers());
  const setBy = (ms: number) => vi.setSystemTime(Date.now() + ms);

  /** A session by the hashes that the server gives out now, as clients ask for them. */
  async function open(echo: EchoServer) {
    const hashes = echo.certificates.hashes(Date.now());
    const session = new NodeWebTransport(`https://127.0.0.1:${echo.address.port}/echo`, {
      serverCertificateHashes: hashes.map((value) => ({ algorithm: 'sha-256', value })),
    });
    atEnd(() => session.close());
    await session.ready;
    const { readable, writable } = await session.createBidirectionalStream();
    const [writer, reader] = [writable.getWriter(), readable.getReader()];
    return async (byte: number) => {
      await writer.write(Uint8Array.of(byte));
      return (await reader.read()).value?.[0];
    };
  }

  it.each([
    ['a day ahead, and put right', DAY_MS, -DAY_MS],
    ['a day behind, and put right', -DAY_MS, DAY_MS],
    ['a month ahead, and put right', 30 * DAY_MS, -30 * DAY_MS],
  ])('%s: the certificate is valid, and what is open goes on', async (_, first, then) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    setBy(first);
    const echo = await EchoServer.open();
    atEnd(() => echo.server.close());
    const before = await open(echo);
    expect(await before(1)).toBe(1);
    setBy(then);
    const after = await open(echo);
    expect(await after(2)).toBe(2);
    expect(await before(3)).toBe(3);
  });

  it.each([-HOUR_MS, HOUR_MS])('by %i ms between Retry and its token', async (ms) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const echo = await EchoServer.open();
    atEnd(() => echo.server.close());
    let packets = 0;
    const isLost = () => {
      // The first is the client's, the second the Retry.
      if (++packets === 2) setBy(ms);
      return false;
    };
    const client = await QuicClient.open(echo.address, { isLost });
    atEnd(() => client.close());
    expect(packets).toBeGreaterThan(2);
    expect((await client.connect()).status).toBe(200);
    expect(echo.server.counts.tokensRefused).toBe(0);
  });
});
