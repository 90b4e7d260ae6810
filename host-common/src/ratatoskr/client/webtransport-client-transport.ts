/**
 * Messages over WebTransport: one bidirectional stream that the client opens, each message framed
 * by its length (length-frames.ts). Needs the platform's WebTransport.
 */

import type { ChannelEvents, ClientChannel, ClientTransport } from './client-channel.ts';
import { FrameLengthError, FrameReader, framed } from './length-frames.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';

const CUT = 1006;
const TOO_LARGE = 1009;
/** 1024 bytes are what a close capsule has room for (draft-ietf-webtrans-http3, section 6). */
const REASON_CHARACTERS_MAX = 256;

export interface WebTransportClientOptions {
  /** https: */
  url: string;
  /** SHA-256 of certificates to trust beside the platform's: at most 14 days old, ECDSA. */
  certificateHashes?: readonly Uint8Array<ArrayBuffer>[];
  /** In the place of the global. */
  WebTransport?: typeof WebTransport;
}

export class WebTransportClientTransport implements ClientTransport {
  readonly name = 'webtransport';
  readonly #options: WebTransportClientOptions;

  constructor(options: WebTransportClientOptions) {
    this.#options = options;
  }

  async connect(events: ChannelEvents, signal: AbortSignal): Promise<ClientChannel> {
    signal.throwIfAborted();
    const { url, certificateHashes = [], WebTransport: Session = WebTransport } = this.#options;
    const serverCertificateHashes = certificateHashes.map((value) => ({
      algorithm: 'sha-256',
      value,
    }));
    const session = new Session(url, serverCertificateHashes[0] ? { serverCertificateHashes } : {});
    // Told by `ready` or by the channel; without a listener it would be an unhandled rejection.
    session.closed.catch(() => undefined);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([session.ready, aborted]);
      const stream = await Promise.race([session.createBidirectionalStream(), aborted]);
      return new WebTransportChannel(session, stream, events);
    } catch (error) {
      // One that has failed to connect throws here, in some browsers.
      try {
        session.close();
      } catch {}
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}

class WebTransportChannel implements ClientChannel {
  readonly #session: WebTransport;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #events: ChannelEvents;
  #ended = false;

  constructor(session: WebTransport, stream: WebTransportBidirectionalStream, to: ChannelEvents) {
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
    this.#writer.write(framed(message)).catch((error) => this.#end(CUT, String(error)));
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
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
        for (const message of frames.feed(value)) {
          if (!this.#ended) this.#events.message(message);
        }
      }
      this.#end(CUT, 'the server ended the stream');
    } catch (error) {
      this.#end(error instanceof FrameLengthError ? TOO_LARGE : CUT, String(error));
    }
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closeSession(code, reason);
    this.#events.closed(code, reason);
  }
}
