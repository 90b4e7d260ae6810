import type { StreamSink } from '../io/tcp.ts';
import type { RequestOrigin } from './origin.ts';

/**
 * The way from a node's sockets to its server, which can be shut: a node that stops takes no new
 * requests while the sockets stay open for the replies that are still held.
 */
export class RequestGate implements StreamSink {
  readonly #server: StreamSink;
  #open = true;

  constructor(server: StreamSink) {
    this.#server = server;
  }

  shut(): void {
    this.#open = false;
  }

  submit(message: Uint8Array, origin: RequestOrigin): boolean {
    return this.#open && this.#server.submit(message, origin);
  }

  requestLength(head: Uint8Array): number {
    return this.#server.requestLength(head);
  }
}
