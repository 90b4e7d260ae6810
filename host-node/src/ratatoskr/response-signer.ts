/** Signatures of a server under its answers, in their metadata (reference: Ratatoskr section 8). */
import { hash } from 'node:crypto';
import type { RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import {
  RESPONSE_SIGNATURE_KEY,
  responseSigningInput,
} from '@andvari/host-common/ratatoskr/signing';
import type { NodeEd25519Signer } from './node-ed25519.ts';

/**
 * As signResponse() of host-common, at once: answers leave in the order in which they are made.
 * Without a signer the response as it is.
 */
export function signResponse(
  response: RatatoskrResponse,
  requestDigest: Uint8Array,
  signer: NodeEd25519Signer | undefined,
): RatatoskrResponse {
  if (!signer) return response;
  const input = responseSigningInput(response, requestDigest);
  const digest = hash('sha256', input, 'buffer');
  const metadata = new Map(response.metadata);
  metadata.set(RESPONSE_SIGNATURE_KEY, signer.signText(digest));
  return { ...response, metadata };
}
