/** A server and its clients for a file of tests: both new for each test, and closed after it. */
import { afterEach, beforeEach } from 'vitest';
import { QuicStreamError } from '../quic-stream.ts';
import { concatBytes } from '../varint.ts';
import { EchoServer } from './echo-server.ts';
import { QuicClient, type QuicClientOptions } from './quic-client.ts';

export class QuicPlace {
  echo!: EchoServer;
  readonly clients: QuicClient[] = [];

  async open(options?: QuicClientOptions): Promise<QuicClient> {
    const client = await QuicClient.open(this.echo.address, options);
    this.clients.push(client);
    return client;
  }
}

export function quicPlace(): QuicPlace {
  const place = new QuicPlace();
  beforeEach(async () => {
    place.echo = await EchoServer.open();
  });
  afterEach(async () => {
    for (const client of place.clients.splice(0)) client.close();
    await place.echo.server.close();
  });
  return place;
}

/** Bytes of a stream until it ends. */
export async function readAll(stream: {
  read(): Promise<Uint8Array | undefined>;
}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await stream.read(); part; part = await stream.read()) parts.push(part);
  return concatBytes(...parts);
}

/** Write until the peer has stopped the stream; gives the error that says so. */
export async function writeOn(stream: {
  write(bytes: Uint8Array): Promise<void>;
}): Promise<unknown> {
  try {
    for (;;) {
      await stream.write(new Uint8Array(100));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } catch (error) {
    return error;
  }
}

/** The error by which a stream ends. */
export async function streamError(promise: Promise<unknown>): Promise<QuicStreamError> {
  const error = await promise.then(
    () => new Error('the stream did not end by force'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof QuicStreamError)) throw error;
  return error;
}
