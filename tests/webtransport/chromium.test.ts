/** The WebTransport server as Chromium, the one real client, sees it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebTransportListener } from '@andvari/host-node/ratatoskr/webtransport-listener';
import { SelfMadeCertificates } from '@andvari/host-node/webtransport/certificates';
import { EchoServer } from '@andvari/host-node/webtransport/testing/echo-server';
import { quicAvailable } from '@andvari/host-node/webtransport/testing/quic-client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { workerBrowser } from '../wallet/worker-browser.ts';

declare global {
  // Defined in the page, for each test.
  var connect: (path?: string, hashIndex?: number) => Promise<WebTransport>;
  var readAll: (stream: ReadableStream<Uint8Array>) => Promise<Uint8Array>;
}

/** Time for a thing to happen that will: long enough for a machine that has other work. */
const SOON = 60_000;

describe.runIf(quicAvailable)('WebTransport in Chromium', () => {
  let browser: Browser;
  let website: Server;
  let echo: EchoServer;
  let page: Page;

  beforeAll(async () => {
    browser = await workerBrowser();
    website = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>page</title>');
    });
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void website?.close());
  beforeEach(async () => {
    echo = await EchoServer.open();
    page = await (await browser.newContext()).newPage();
    await page.goto(`http://127.0.0.1:${(website.address() as AddressInfo).port}/`);
    await page.evaluate(
      ([port, hashes]) => {
        globalThis.connect = async (path = '/echo?query', hashIndex = 0) => {
          const session = new WebTransport(`https://127.0.0.1:${port}${path}`, {
            serverCertificateHashes: [
              { algorithm: 'sha-256', value: new Uint8Array(hashes[hashIndex]!) },
            ],
          });
          session.closed.catch(() => {});
          await session.ready;
          return session;
        };
        globalThis.readAll = async (stream) =>
          new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
      },
      [
        echo.address.port,
        [...echo.certificates.hashes(Date.now()), new Uint8Array(32)].map((hash) => [...hash]),
      ] as const,
    );
  });
  afterEach(async () => {
    await page.context().close();
    await echo.server.close();
  });

  it('bidirectional, unidirectional both ways, datagrams', async () => {
    const seen = await page.evaluate(async () => {
      const session = await connect();
      const bytes = (text: string) => new TextEncoder().encode(text);
      const text = (of: Uint8Array) => new TextDecoder().decode(of);
      const stream = await session.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      await writer.write(bytes('to and '));
      await writer.write(bytes('fro'));
      await writer.close();
      const bidirectional = text(await readAll(stream.readable));

      const up = (await session.createUnidirectionalStream()).getWriter();
      await up.write(bytes('one way'));
      await up.close();
      const { value: down } = await session.incomingUnidirectionalStreams.getReader().read();
      const unidirectional = text(await readAll(down));

      const { datagrams } = session as unknown as {
        datagrams: WebTransportDatagramDuplexStream & {
          createWritable?: () => WritableStream<Uint8Array>;
        };
      };
      const out = (datagrams.createWritable?.() ?? datagrams.writable).getWriter();
      const reader = datagrams.readable.getReader();
      // One may get lost: send until one is back.
      let back: Uint8Array | undefined;
      void reader.read().then(({ value }) => {
        back = value;
      });
      for (let tries = 0; !back && tries < 50; tries++) {
        await out.write(bytes('datagram'));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return { bidirectional, unidirectional, datagram: back && text(back) };
    });
    expect(seen).toEqual({
      bidirectional: 'to and fro',
      unidirectional: 'one way',
      datagram: 'datagram',
    });
    expect(echo.sessions[0]!.request).toMatchObject({
      path: '/echo',
      query: '?query',
      authority: `127.0.0.1:${echo.address.port}`,
      origin: `http://127.0.0.1:${(website.address() as AddressInfo).port}`,
    });
  });

  it('close codes and reasons, both ways', async () => {
    await page.evaluate(async () => {
      (await connect()).close({ closeCode: 7, reason: 'döne' });
    });
    await vi.waitFor(() => expect(echo.ends).toEqual([{ by: 'peer', code: 7, reason: 'döne' }]));
    const closed = page.evaluate(async () => {
      const { closeCode, reason } = await (await connect()).closed;
      return { closeCode, reason };
    });
    await vi.waitFor(() => expect(echo.sessions).toHaveLength(2), SOON);
    // `ready` in the page first: a session that ends before is one that failed to open.
    await new Promise((resolve) => setTimeout(resolve, 200));
    echo.sessions[1]!.close(4_000_000_000, 'güt');
    expect(await closed).toEqual({ closeCode: 4_000_000_000, reason: 'güt' });
  });

  it('a server that stops says so', async () => {
    const closed = page.evaluate(async () => {
      const { closeCode, reason } = await (await connect()).closed;
      return { closeCode, reason };
    });
    await vi.waitFor(() => expect(echo.sessions).toHaveLength(1), SOON);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await echo.server.close(1001, 'the server stops');
    expect(await closed).toEqual({ closeCode: 1001, reason: 'the server stops' });
  });

  it('Ratatoskr is for listed pages, and for no other', async () => {
    const own = page.url().slice(0, -1);
    const listen = { host: '127.0.0.1', port: 0 };
    const nothing = () => {};
    const quiet = { text: nothing, bare: nothing, ended: nothing, closed: nothing };
    const handler = { message: nothing, ...quiet };
    const opened = async (origins: string[]) => {
      const certificates = new SelfMadeCertificates([listen.host], Date.now());
      const accept = () => handler;
      const listener = new WebTransportListener({ listen, certificates, accept, origins });
      const { port } = await listener.open();
      try {
        return await page.evaluate(
          ([to, value]) => {
            const hashes = [{ algorithm: 'sha-256', value: new Uint8Array(value) }];
            const session = new WebTransport(to, { serverCertificateHashes: hashes });
            session.closed.catch(() => {});
            return session.ready.then(
              () => 'opened',
              () => 'refused',
            );
          },
          [
            `https://127.0.0.1:${port}/ratatoskr`,
            [...(listener.certificateHashes[0] as Uint8Array)],
          ] as const,
        );
      } finally {
        await listener.close();
      }
    };
    expect(await opened([own])).toBe('opened');
    expect(await opened(['none'])).toBe('refused');
    expect(await opened([own.replace('127.0.0.1', 'localhost'), 'none'])).toBe('refused');
  });

  it('a channel: the last message comes, then the close with its code', async () => {
    const certificates = new SelfMadeCertificates(['127.0.0.1'], Date.now());
    const listener = new WebTransportListener({
      listen: { host: '127.0.0.1', port: 0 },
      certificates,
      origins: [page.url().slice(0, -1)],
      accept: (channel) => ({
        message: () => {
          channel.send(Buffer.from('last words'));
          channel.close(1008, 'enough');
        },
        bare: () => {},
        text: () => {},
        ended: () => {},
        closed: () => {},
      }),
    });
    const { port } = await listener.open();
    const url = `https://127.0.0.1:${port}/ratatoskr`;
    const hash = [...listener.certificateHashes[0]!];
    for (let round = 0; round < 5; round++) {
      const seen = await page.evaluate(
        async ([to, value]) => {
          const session = new WebTransport(to, {
            serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(value) }],
          });
          await session.ready;
          const stream = await session.createBidirectionalStream();
          await stream.writable.getWriter().write(Uint8Array.of(0, 0, 0, 1, 65));
          const { value: bytes } = await stream.readable.getReader().read();
          const { closeCode, reason } = await session.closed;
          return { text: new TextDecoder().decode(bytes), closeCode, reason };
        },
        [url, hash] as const,
      );
      const text = '\0\0\0\nlast words';
      expect(seen).toEqual({ text, closeCode: 1008, reason: 'enough' });
    }
    await listener.close();
  });

  it('stream codes, both ways', async () => {
    const codes = page.evaluate(async () => {
      const session = await connect('/silent');
      const code = (error: unknown) => (error as WebTransportError).streamErrorCode;
      const stream = await session.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      await writer.write(new Uint8Array(1));
      // A stop that overtakes the end of a write comes without its code now and then.
      document.title = 'written';
      const reset = await stream.readable
        .getReader()
        .read()
        .then(() => undefined, code);
      const stopped = await writer.closed.then(() => undefined, code);
      const other = await session.createBidirectionalStream();
      const otherWriter = other.writable.getWriter();
      await otherWriter.write(new Uint8Array(1));
      await new Promise((resolve) => setTimeout(resolve, 200));
      // Chromium 156 has an older form of the constructor than TypeScript's library.
      const OldError = WebTransportError as unknown as new (init: object) => Error;
      await otherWriter.abort(new OldError({ message: 'mine', streamErrorCode: 44 }));
      return { reset, stopped };
    });
    await vi.waitFor(() => expect(echo.silent).toHaveLength(1), SOON);
    await page.waitForFunction(() => document.title === 'written');
    echo.silent[0]!.writable.reset(42);
    echo.silent[0]!.readable.stop(43);
    await vi.waitFor(() => expect(echo.silent).toHaveLength(2), SOON);
    await echo.silent[1]!.readable.read();
    await expect(echo.silent[1]!.readable.read()).rejects.toMatchObject({
      kind: 'reset',
      applicationCode: 44,
    });
    expect(await codes).toEqual({ reset: 42, stopped: 43 });
  });

  it.each([
    ['a wrong path', '/nothing', 0],
    ['a server that is full', '/full', 0],
    ['a wrong hash', '/echo', 2],
    ['the hash of the next certificate', '/echo', 1],
  ])('%s is refused, and the right one taken', async (_, path, hashIndex) => {
    const opened = await page.evaluate(
      ([wrongPath, index]) =>
        connect(wrongPath, index).then(
          () => 'opened',
          () => 'refused',
        ),
      [path, hashIndex] as const,
    );
    expect(opened).toBe('refused');
    expect(echo.sessions).toHaveLength(0);
    expect(await page.evaluate(() => connect().then(() => 'opened'))).toBe('opened');
  });

  it('two sessions at once do not mix', async () => {
    const texts = await page.evaluate(async () => {
      const sessions = await Promise.all([connect(), connect()]);
      return Promise.all(
        sessions.map(async (session, index) => {
          const stream = await session.createBidirectionalStream();
          const writer = stream.writable.getWriter();
          for (let count = 0; count < 20; count++) {
            await writer.write(new TextEncoder().encode(`${index}`));
          }
          await writer.close();
          return new TextDecoder().decode(await readAll(stream.readable));
        }),
      );
    });
    expect(texts).toEqual(['0'.repeat(20), '1'.repeat(20)]);
  });

  it('8 MiB there and back, whole', async () => {
    const wrong = await page.evaluate(async () => {
      const session = await connect();
      const stream = await session.createBidirectionalStream();
      const whole = new Uint8Array(8 << 20).map((_, index) => index ^ (index >> 8));
      const writer = stream.writable.getWriter();
      const back = readAll(stream.readable);
      for (let start = 0; start < whole.length; start += 65_536) {
        await writer.write(whole.subarray(start, start + 65_536));
      }
      await writer.close();
      const read = await back;
      return read.length !== whole.length || read.some((byte, index) => byte !== whole[index]);
    });
    expect(wrong).toBe(false);
  });

  it('a server that does not read stops the page; reading lets it go on', async () => {
    const written = page.evaluate(async () => {
      const session = await connect('/silent');
      const stream = await session.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      const state = globalThis as unknown as { writtenBytes: number };
      state.writtenBytes = 0;
      for (let count = 0; count < 128; count++) {
        await writer.write(new Uint8Array(65_536));
        state.writtenBytes += 65_536;
      }
      await writer.close();
      return state.writtenBytes;
    });
    const soFar = () =>
      page.evaluate(() => (globalThis as unknown as { writtenBytes: number }).writtenBytes);
    await vi.waitFor(() => expect(echo.silent).toHaveLength(1), SOON);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const stoppedAt = await soFar();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await soFar()).toBe(stoppedAt);
    expect(stoppedAt).toBeLessThan(4 << 20);
    let readBytes = 0;
    for await (const bytes of echo.silent[0]!.readable) readBytes += bytes.length;
    expect(readBytes).toBe(8 << 20);
    expect(await written).toBe(8 << 20);
  });

  it('a new certificate under load: open sessions go on, new ones get it', async () => {
    const running = page.evaluate(async () => {
      const state = globalThis as unknown as { ending: boolean; rounds: number };
      state.rounds = 0;
      const session = await connect();
      const stream = await session.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      const reader = stream.readable.getReader();
      for (; !state.ending; state.rounds++) {
        await writer.write(new Uint8Array(1000));
        for (let got = 0; got < 1000; ) got += (await reader.read()).value!.length;
      }
      return state.rounds;
    });
    const rounds = () => page.evaluate(() => (globalThis as unknown as { rounds: number }).rounds);
    await vi.waitFor(async () => expect(await rounds()).toBeGreaterThan(20), SOON);
    echo.certificates.rotate(Date.now());
    const byHash = (hashIndex: number) =>
      page.evaluate(
        (index) =>
          connect('/echo', index).then(
            () => 'opened',
            () => 'refused',
          ),
        hashIndex,
      );
    // The page knew the next hash before the change.
    expect(await byHash(1)).toBe('opened');
    expect(await byHash(0)).toBe('refused');
    const after = await rounds();
    await vi.waitFor(async () => expect(await rounds()).toBeGreaterThan(after + 20), SOON);
    await page.evaluate(() => {
      (globalThis as unknown as { ending: boolean }).ending = true;
    });
    expect(await running).toBeGreaterThan(40);
  });
});
