/** The messages of the peer protocol as values. Reference: peer sections 2 and 6. */

/** 1: the document's bare signature, 2: what the networks speak, 3: ours, with challenges. */
export type WireVersion = 1 | 2 | 3;

/** A side's proof that it holds an instance key; the same in both directions. */
export interface PeerHandshake {
  type: 'handshake';
  /** Ed25519, 32 bytes. */
  publicKey: Uint8Array;
  /** Ed25519 over the signing bytes themselves, 64 bytes. */
  signature: Uint8Array;
  /** Wires 2 and 3: the peer id of whoever signs, and milliseconds since the epoch. */
  msg?: { sender: Uint8Array; timestampMs: bigint };
}

/** Wire 3: a challenge of 32 random bytes, in the request and in the response. */
export interface PeerHello {
  type: 'hello';
  challenge: Uint8Array;
}

/** InstanceMessageRequest. */
export type PeerRequest =
  | PeerHandshake
  | PeerHello
  | {
      type: 'protocol';
      /** At most 128 bytes. */
      protocol: string;
      /** An encoded ProtocolMessage. */
      payload: Uint8Array;
      /** At most 64 KiB. */
      metadata: Uint8Array | null;
    };

/** InstanceMessageResponse. */
export type PeerResponse =
  | PeerHandshake
  | PeerHello
  /** Without a protocol: as the document has it, which we take and do not send. */
  | { type: 'success'; protocol?: string; data: Uint8Array | null }
  /** The document's, which we take and do not send. */
  | { type: 'protocol'; data: Uint8Array }
  /** `message`: at most 512 bytes. */
  | { type: 'error'; code: number; message: string };

/** ProtocolMessage, the payload of a Protocol request and of a broadcast. */
export interface ProtocolMessage {
  /** At most 128 bytes. */
  protocol: string;
  /** u64, counted by the sender. */
  messageId: bigint;
  /** u16. */
  roundId: number;
  /** Peer id: 38 bytes. */
  sender: Uint8Array;
  /** Peer id; none: everybody. */
  recipient?: Uint8Array;
  payload: Uint8Array;
}
