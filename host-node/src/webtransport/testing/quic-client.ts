/**
 * A client over the same binding, for what no browser does: it breaks rules on purpose. Raw streams
 * are handed out; nothing that the server sends is checked.
 */
import type { SocketAddress } from '../../io/packet-io.ts';
import { emitControlStart, emitHeaders, FrameType } from '../http3-frames.ts';
import { decodeFieldSection, type Field } from '../qpack.ts';
import { loadQuicBinding } from '../quic-binding.ts';
import type { QuicClosedError } from '../quic-closed-error.ts';
import { configure } from '../quic-config.ts';
import type { QuicConnection, QuicEvents } from '../quic-connection.ts';
import { dialQuic } from '../quic-dial.ts';
import type { QuicReceiveStream, QuicSendStream } from '../quic-stream.ts';
import { TlvParser } from '../tlv-parser.ts';
import { concatBytes, emitVarint } from '../varint.ts';

/** Whether there is QUIC on this platform; tests that need it are left out where there is none. */
export const quicAvailable = ((): boolean => {
  try {
    return loadQuicBinding() !== undefined;
  } catch {
    return false;
  }
})();

export interface RawStream {
  receive: QuicReceiveStream;
  send: QuicSendStream;
}

export interface QuicClientOptions {
  silent?: boolean;
  isLost?: () => boolean;
}

/** An accepted or refused CONNECT. */
export interface Connected extends RawStream {
  status: number;
  id: number;
}

export class QuicClient implements QuicEvents {
  readonly quic: QuicConnection;
  /** Streams that the server has opened, in order. */
  readonly serverStreams: { receive: QuicReceiveStream; send: QuicSendStream | undefined }[] = [];
  readonly datagrams: Uint8Array[] = [];
  /** Resolves with how the connection ended. */
  readonly end: Promise<QuicClosedError>;
  readonly #ready: Promise<void>;
  #established!: () => void;
  #ended!: (error: QuicClosedError) => void;

  private constructor(quic: QuicConnection) {
    this.quic = quic;
    this.end = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#ready = new Promise((resolve) => {
      this.#established = resolve;
    });
  }

  /**
   * A connection, with our SETTINGS unless `silent`. Rejects when the server closes it.
   * @param isLost asked for each packet, in both directions
   */
  static async open(
    server: SocketAddress,
    { silent = false, isLost = () => false }: QuicClientOptions = {},
  ): Promise<QuicClient> {
    const binding = loadQuicBinding();
    let client!: QuicClient;
    await dialQuic(server, {
      ...{ binding, config: configure(binding.Config.withBoringSslCtx(false, false)) },
      ...{ serverName: 'localhost', isLost },
      events: (quic) => {
        client = new QuicClient(quic);
        return client;
      },
    });
    const failed = client.end.then((error) => Promise.reject(error));
    failed.catch(() => {});
    await Promise.race([client.#ready, failed]);
    if (!silent) client.unidirectional(emitControlStart());
    return client;
  }

  established(): void {
    this.#established();
  }

  stream(receive: QuicReceiveStream, send: QuicSendStream | undefined): void {
    this.serverStreams.push({ receive, send });
  }

  datagram(bytes: Uint8Array): void {
    this.datagrams.push(bytes);
  }

  closed(error: QuicClosedError): void {
    this.#ended(error);
  }

  /** A unidirectional stream that starts with these bytes. */
  unidirectional(bytes: Uint8Array): QuicSendStream {
    const stream = this.quic.openUnidirectional();
    if (!stream) throw new Error('the server allows no more unidirectional streams');
    stream.write(bytes).catch(() => {});
    return stream;
  }

  bidirectional(bytes: Uint8Array): RawStream {
    const stream = this.quic.openBidirectional();
    if (!stream) throw new Error('the server allows no more bidirectional streams');
    stream.send.write(bytes).catch(() => {});
    return stream;
  }

  /** Send a request with these fields and read the status of its answer. */
  async request(fields: readonly Field[]): Promise<Connected> {
    const stream = this.bidirectional(emitHeaders(fields));
    return { ...stream, id: stream.send.id, status: await readStatus(stream.receive) };
  }

  /** A CONNECT for a session, with other values for some fields (undefined: without the field). */
  connect(changes: Record<string, string | undefined> = {}): Promise<Connected> {
    return this.request(connectFields(changes));
  }

  /** A bidirectional stream of a session. */
  sessionStream(sessionId: number, bytes: Uint8Array): RawStream {
    const prefix = concatBytes(emitVarint(FrameType.WEBTRANSPORT_STREAM), emitVarint(sessionId));
    return this.bidirectional(concatBytes(prefix, bytes));
  }

  close(): void {
    this.quic.close(0x100);
    this.quic.drop();
  }
}

export function connectFields(changes: Record<string, string | undefined> = {}): Field[] {
  const fields = {
    ':method': 'CONNECT',
    ':protocol': 'webtransport',
    ':scheme': 'https',
    ':authority': 'localhost',
    ':path': '/echo',
    origin: 'https://page.test',
    ...changes,
  };
  return Object.entries(fields).filter(
    (field): field is [string, string] => field[1] !== undefined,
  );
}

/** The :status of the HEADERS frame that a request is answered with. */
export async function readStatus(receive: QuicReceiveStream): Promise<number> {
  let status: string | undefined;
  const parser = new TlvParser({
    begin: () => 'whole',
    whole: (_type, value) => {
      status ??= decodeFieldSection(value).find(([name]) => name === ':status')?.[1];
    },
    part: () => {},
  });
  while (status === undefined) {
    const bytes = await receive.read();
    if (!bytes) throw new Error('the answer ended without a status');
    parser.feed(bytes);
  }
  return Number(status);
}
