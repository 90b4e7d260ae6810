/**
 * Messages over WebTransport: one bidirectional stream that the client opens, each message framed
 * by its length (length-frames.ts). Over the platform's WebTransport, or one that is like it:
 * host-node has one for Node.
 */

import type { ChannelEvents, ClientChannel, ClientTransport } from './client-channel.ts';
import { FrameLengthError, FrameReader, framed } from './length-frames.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { unlessAborted } from './time-limit.ts';

const CUT = 1006;
const TOO_LARGE = 1009;
/** 1024 bytes are what a close capsule has room for (draft-ietf-webtrans-http3, section 6). */
const REASON_CHARACTERS_MAX = 256;
/** Ours takes 100 ms and a round trip. */
const GOODBYE_MS = 1000;

/**
 * SHA-256 of certificates to trust beside the platform's: at most 14 days old, ECDSA. A function
 * is asked before each connection, and again when one has failed: certificates change.
 */
export type CertificateHashes =
  | readonly Uint8Array<ArrayBuffer>[]
  | ((signal: AbortSignal) => Promise<readonly Uint8Array<ArrayBuffer>[]>);

/** What is used of a WebTransport session. */
export interface WebTransportLike {
  readonly ready: Promise<unknown>;
  readonly closed: Promise<{ closeCode?: number | undefined; reason?: string | undefined }>;
  createBidirectionalStream(): Promise<WebTransportStreamLike>;
  close(info?: { closeCode?: number; reason?: string }): void;
}

export interface WebTransportStreamLike {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
}

export type WebTransportClass = new (
  url: string,
  options?: { serverCertificateHashes?: { algorithm: string; value: Uint8Array<ArrayBuffer> }[] },
) => WebTransportLike;

export interface WebTransportClientOptions {
  /** https: */
  url: string;
  certificateHashes?: CertificateHashes;
  /** In the place of the global. */
  WebTransport?: WebTransportClass;
}

export class WebTransportClientTransport implements ClientTransport {
  readonly name = 'webtransport';
  readonly #options: WebTransportClientOptions;

  constructor(options: WebTransportClientOptions) {
    this.#options = options;
  }

  async connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    signal.throwIfAborted();
    const { certificateHashes = [] } = this.#options;
    if (typeof certificateHashes !== 'function') {
      return this.#connect(certificateHashes, events, signal);
    }
    const hashes = await unlessAborted(certificateHashes(signal), signal);
    try {
      return await this.#connect(hashes, events, signal);
    } catch (error) {
      signal.throwIfAborted();
      // The server may have begun anew between the answer and the connection.
      const anew = await unlessAborted(certificateHashes(signal), signal);
      if (String(anew) === String(hashes)) throw error;
      return this.#connect(anew, events, signal);
    }
  }

  async #connect(
    hashes: readonly Uint8Array<ArrayBuffer>[],
    events: ChannelEvents,
    signal: AbortSignal,
  ): Promise<ClientChannel> {
    const Session: WebTransportClass = this.#options.WebTransport ?? WebTransport;
    const { url } = this.#options;
    const serverCertificateHashes = hashes.map((value) => ({ algorithm: 'sha-256', value }));
    const session = new Session(url, serverCertificateHashes[0] ? { serverCertificateHashes } : {});
    // Told by `ready` or by the channel; without a listener it would be an unhandled rejection.
    session.closed.catch(() => undefined);
    try {
      await unlessAborted(session.ready, signal);
      const stream = await unlessAborted(session.createBidirectionalStream(), signal);
      return new WebTransportChannel(session, stream, events);
    } catch (error) {
      // One that has failed to connect throws here, in some browsers.
      try {
        session.close();
      } catch {}
      throw error;
    }
  }
}

class WebTransportChannel implements ClientChannel {
  readonly #session: WebTransportLike;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #events: ChannelEvents;
  #ended = false;
  /** Waits for the server's word on why the stream is over. */
  #goodbye: ReturnType<typeof setTimeout> | undefined;

  constructor(session: WebTransportLike, stream: WebTransportStreamLike, to: ChannelEvents) {
    this.#session = session;
    this.#events = to;
    this.#writer = stream.writable.getWriter();
    this.#writer.closed.catch(() => undefined);
    session.closed.then(
      ({ closeCode, reason }) => this.#end(closeCode ?? 1000, reason ?? ''),
      (error) => this.#end(CUT, String(error)),
    );
    void this.#read(stream.readable.getReader());
  }

  send(message: Uint8Array): void {
    if (this.#ended) return;
    this.#writer.write(framed(message)).catch((error) => this.#endSoon(String(error)));
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#goodbye);
    // What was written last still has to leave; a dead connection ends by its own time-out.
    this.#writer.close().then(
      () => this.#closeSession(code, reason),
      () => this.#closeSession(code, reason),
    );
  }

  #closeSession(code: number, reason: string): void {
    try {
      this.#session.close({ closeCode: code, reason: reason.slice(0, REASON_CHARACTERS_MAX) });
    } catch {
      // It has ended by itself meanwhile.
    }
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const frames = new FrameReader(MESSAGE_BYTES_MAX);
    try {
      while (!this.#ended) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#events.alive?.();
        for (const message of frames.feed(value)) {
          if (!this.#ended) this.#events.message(message);
        }
      }
      this.#endSoon('the server ended the stream');
    } catch (error) {
      if (error instanceof FrameLengthError) this.#end(TOO_LARGE, String(error));
      else this.#endSoon(String(error));
    }
  }

  /** A server ends the stream first, and says why when all of it has arrived. */
  #endSoon(reason: string): void {
    this.#goodbye ??= setTimeout(() => this.#end(CUT, reason), GOODBYE_MS);
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#goodbye);
    this.#closeSession(code, reason);
    this.#events.closed(code, reason);
  }
}
