/** What carries the datagrams of an endpoint: UDP, WebTransport, WebSocket messages, a test. */

export interface Datagram {
  bytes: Uint8Array;
  /** Where it came from, or goes to (far-end.ts). */
  farEnd: Uint8Array;
}

/**
 * Where an engine looks for packets that came, and lays packets that go. Offsets are bytes from the
 * start of the memory, which never grows.
 */
export interface PacketPlaces {
  memory: WebAssembly.Memory;
  /** Datagrams handed over that lie in here are not copied. */
  incoming: number;
  incomingBytes: number;
  outgoing: number;
  outgoingBytes: number;
  /** TRANSFER_BATCH entries of TransferPacket: what sendPlaced() sends. */
  sent: number;
  /**
   * Frames of 4096 bytes that are the transport's, from an offset on a page; a datagram that lies
   * in one is not copied either. Left out, or 0 of them: there are none.
   */
  frames?: { offset: number; count: number };
  /** What sendPlaced() left waiting has gone. */
  drained(): void;
}

export interface DatagramTransport {
  /** The largest that can leave; it is settled when the transport is open. */
  readonly maxDatagramBytes: number;
  /**
   * Begins to hand over what comes, in batches; the views are good until the sink returns.
   * `places`: for whoever can work in the engine's own memory.
   */
  open(sink: (datagrams: readonly Datagram[]) => void, places?: PacketPlaces): Promise<void> | void;
  /** Sends or loses; the views are the caller's again when it returns. Never throws. */
  send(datagrams: readonly Datagram[]): void;
  /**
   * Sends the first `count` packets of the table from where they lie. False: some wait for their
   * way out, and nothing may be written from `outgoing` on, nor sent by this call, until drained()
   * is called. Left out: send() has to do. Never throws.
   */
  sendPlaced?(count: number): boolean;
  /**
   * For one who finds packets of sessions before they are handed over: bytes 0 to 4 of the CIDs
   * that are listed at a place of the engine's table (a big-endian number, 0: none any more). Equal
   * ones may stand at several places. Left out: it is not told. Never throws.
   */
  prefixChanged?(place: number, prefix: number): void;
  close(): Promise<void> | void;
}
