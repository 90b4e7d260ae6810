/** A message of messages.ts opened, and encoded again from what that gave. Web-standard only. */
import type { PeerCodec } from '@andvari/host-common/peer/codec';
import type { Case } from './messages.ts';

type Kind = Pick<Case, 'kind' | 'wire'>;

export function openCase(codec: PeerCodec, { kind, wire = 2 }: Kind, bytes: Uint8Array) {
  if (kind === 'request') return codec.openRequest(bytes, wire);
  if (kind === 'response') return codec.openResponse(bytes, wire);
  return codec.openMessage(bytes, kind);
}

export function encodeAgain(
  codec: PeerCodec,
  { kind, wire = 2 }: Kind,
  opened: ReturnType<typeof openCase>,
): Uint8Array {
  if (!opened.ok) throw new Error(opened.reason);
  if ('request' in opened) return codec.encodeRequest(opened.request, wire);
  if ('response' in opened) return codec.encodeResponse(opened.response, wire);
  return codec.encodeMessage(opened.message, kind === 'direct' ? 'direct' : 'broadcast');
}
