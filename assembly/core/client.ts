/**
 * What engine and host share of the client's side: the block in which requests are sealed and
 * replies opened. Numbers as in layout.ts.
 */

/** The block that requestSeal() and replyOpen() share. */
export const enum Client {
  // in
  WIRE = 0,
  TYPE = 4,
  RAIDA_ID = 8,
  SHARD = 12,
  GROUP = 16,
  COMMAND = 20,
  COIN_ID = 24,
  /** The message: seal expects the payload at MESSAGE + 48, whatever the header. */
  MESSAGE = 28,
  /** seal: bytes of the payload; open: bytes of the reply. */
  LENGTH = 32,
  DENOMINATION = 36,
  SERIAL = 40,
  DENOMINATION_2 = 44,
  SERIAL_2 = 48,
  /** 1: seal writes a header without a body (payload length must be 0). */
  NO_BODY = 52,
  /** ANs of the encryption coin (or the locker key) and, for type 5, of the second one. */
  KEY = 64,
  KEY_2 = 80,
  /** 24 bytes: the nonce bytes of the header, random from the host; the last two are the echo. */
  NONCE = 96,
  /** 12 random bytes of the challenge; seal appends their CRC-32, and open wants all 16. */
  CHALLENGE = 120,
  // out
  /** seal: first byte of the sealed message; open: first byte of the payload. */
  OUT_OFFSET = 136,
  OUT_LENGTH = 140,
  /** open: wire status and execution time of the reply. */
  OUT_STATUS = 144,
  OUT_EXECUTION = 148,
  /** 32 bytes for the request header, which open needs again. */
  BYTES = 256,
}
