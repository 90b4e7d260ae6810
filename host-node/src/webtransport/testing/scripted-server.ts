/** A server that says what a test wants, for what ours never does. */

import { SelfMadeCertificates } from '../certificates.ts';
import { emitControlStart, emitHeaders } from '../http3-frames.ts';
import { loadQuicBinding } from '../quic-binding.ts';
import type { QuicClosedError } from '../quic-closed-error.ts';
import { configure } from '../quic-config.ts';
import type { QuicConnection } from '../quic-connection.ts';
import { QuicListener } from '../quic-listener.ts';
import { type QuicSendStream, QuicStreamError } from '../quic-stream.ts';
import { concatBytes } from '../varint.ts';

export interface Script {
  /** Of the unidirectional streams that it opens [control with SETTINGS]. */
  starts?: readonly Uint8Array[];
  /** What a request is answered with [status 200]. */
  answer?: Uint8Array;
  /** Whether the answer's stream ends behind it. */
  ends?: boolean;
  /** In the place of these two, for each stream that the client opens for both ways. */
  reply?: (send: QuicSendStream, quic: QuicConnection) => void;
  /** When the connection is established, after `starts`. */
  established?: (quic: QuicConnection) => void;
}

export class ScriptedServer {
  /** How each connection has ended. */
  readonly ends: QuicClosedError[] = [];
  /** Bytes of all streams, whatever they are. */
  received: Uint8Array = new Uint8Array(0);
  /** Codes of streams that the client has reset. */
  readonly resets: number[] = [];
  connections = 0;
  port = 0;
  readonly certificates = new SelfMadeCertificates(['localhost', '127.0.0.1'], Date.now());
  readonly #listener: QuicListener;

  private constructor(script: () => Script, certificate?: { cert: string; key: string }) {
    const binding = loadQuicBinding();
    const { cert, key } = certificate ?? this.certificates.current(Date.now());
    const { Config } = binding;
    const [keys, certs] = [[Buffer.from(key)], [Buffer.from(cert)]];
    this.#listener = new QuicListener({
      binding,
      config: () => configure(Config.withBoringSslCtx(false, false, null, keys, certs)),
      accept: (quic) => this.#accept(quic, script()),
    });
  }

  /** @param script asked for each connection, if it is a function */
  static async open(
    script: Script | (() => Script) = {},
    certificate?: { cert: string; key: string },
  ): Promise<ScriptedServer> {
    const server = new ScriptedServer(
      typeof script === 'function' ? script : () => script,
      certificate,
    );
    server.port = (await server.#listener.open({ host: '127.0.0.1', port: 0 })).port;
    return server;
  }

  get hashes(): { algorithm: string; value: Uint8Array<ArrayBuffer> }[] {
    const { hash } = this.certificates.current(Date.now());
    return [{ algorithm: 'sha-256', value: Uint8Array.from(hash) }];
  }

  async close(): Promise<void> {
    await this.#listener.close(0x100);
  }

  #accept(quic: QuicConnection, script: Script): void {
    const { starts = [emitControlStart()], ends = false } = script;
    const { answer = emitHeaders([[':status', '200']]) } = script;
    this.connections++;
    quic.events = {
      established: () => {
        for (const bytes of starts)
          quic
            .openUnidirectional()
            ?.write(bytes)
            .catch(() => {});
        script.established?.(quic);
      },
      stream: (receive, send) => {
        receive.onReadable = () => {
          try {
            for (let found = receive.tryRead(); found instanceof Uint8Array; ) {
              this.received = concatBytes(this.received, found);
              found = receive.tryRead();
            }
          } catch (error) {
            // Or the end of the connection.
            if (error instanceof QuicStreamError) this.resets.push(error.http3Code);
          }
        };
        if (!send) return;
        if (script.reply) script.reply(send, quic);
        else (ends ? send.end(answer) : send.write(answer)).catch(() => {});
      },
      datagram: () => {},
      closed: (error) => void this.ends.push(error),
    };
  }
}
