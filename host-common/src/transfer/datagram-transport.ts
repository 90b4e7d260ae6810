/** What carries the datagrams of an endpoint: UDP, WebTransport, WebSocket messages, a test. */

export interface Datagram {
  bytes: Uint8Array;
  /** Where it came from, or goes to (far-end.ts). */
  farEnd: Uint8Array;
}

export interface DatagramTransport {
  /** The largest that can leave. */
  readonly maxDatagramBytes: number;
  /** Begins to hand over what comes, in batches; the views are good until the sink returns. */
  open(sink: (datagrams: readonly Datagram[]) => void): Promise<void> | void;
  /** Sends or loses; the views are the caller's again when it returns. Never throws. */
  send(datagrams: readonly Datagram[]): void;
  close(): Promise<void> | void;
}
