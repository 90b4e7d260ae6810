/** What the server says to a connection request. */

import type { RatatoskrCodec } from '../codec.ts';
import { MessageType, type RatatoskrResponse } from '../messages.ts';
import { RatatoskrError } from './client-error.ts';

export interface Session {
  readonly sessionId: string;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly expiresMs: number;
  readonly serverVersion: string;
  /** Its answer was signed by the server's key. */
  readonly signed: boolean;
}

const VERSION = /^1(\.\d{1,9}){0,2}$/;

/** Throws RatatoskrError ANDVARI_BAD_REPLY for an answer that opens no session. */
export function readSession(
  codec: RatatoskrCodec,
  { response, signed }: { response: RatatoskrResponse; signed: boolean },
): Session {
  const opened = codec.openConnectionResponse(response.payload);
  const isSession = response.messageType === MessageType.CONNECTION_RESPONSE;
  if (!isSession || !opened.ok || !opened.payload.accepted) {
    throw new RatatoskrError('ANDVARI_BAD_REPLY', 'an answer that is no connection response');
  }
  const { sessionId, expiresAt, serverVersion } = opened.payload;
  if (!VERSION.test(serverVersion)) {
    const problem = `the server speaks version ${JSON.stringify(serverVersion)}, wanted 1.x`;
    throw new RatatoskrError('ANDVARI_BAD_REPLY', problem);
  }
  return { sessionId, expiresMs: Number(expiresAt) * 1000, serverVersion, signed };
}
