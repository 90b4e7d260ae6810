/** Names that a user gives to peers: which may be given, and which are the same. */
import { looksLikePeerId } from '@andvari/host-common/transfer/peer-id-text';

export const PEER_NAME_LENGTH_MAX = 64;
/** Control characters, and those that nobody sees, such as turn the direction of a text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** This cannot be the name of a peer. */
export class PeerNameError extends Error {
  override readonly name = 'PeerNameError';
  readonly code = 'ANDVARI_PEER_NAME';
}

/** What is wrong with a name; undefined: nothing. Lengths are of characters (code points). */
export function peerNameProblem(name: string): string | undefined {
  const { length } = [...name];
  if (length === 0) return 'the name is empty';
  if (length > PEER_NAME_LENGTH_MAX) {
    return `the name has ${length} characters, ${PEER_NAME_LENGTH_MAX} at most`;
  }
  if (!name.isWellFormed()) return 'the name is no Unicode text';
  if (UNSEEN.test(name)) return 'the name has a character that cannot be seen';
  if (name !== name.trim()) return 'the name begins or ends with a space';
  // One could be taken for another peer.
  if (looksLikePeerId(name)) return 'the name looks like a peer ID';
  return undefined;
}

/** @throws PeerNameError */
export function checkPeerName(name: string): void {
  const problem = peerNameProblem(name);
  if (problem) throw new PeerNameError(problem);
}

/** Names are the same if this is: capital letters, kinds of spaces and of accents do not count. */
export function foldedPeerName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC').replace(/\s+/g, ' ');
}
