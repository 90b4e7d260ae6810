/** What PeerThread and its thread say to each other. */
import type { MeshAddress, PeerRow, ServerNumbers } from './peer-mesh.ts';

/** An error, as it crosses. */
export interface Failure {
  code: string;
  message: string;
}

export type ToPeerThread =
  | { kind: 'numbers'; numbers: readonly ServerNumbers[] }
  | { kind: 'ask'; id: number; raidaId: number; request: unknown }
  | { kind: 'admit'; id: number; peerId: string; key: Uint8Array }
  | { kind: 'stop' };

export type FromPeerThread =
  | { kind: 'started'; addresses: MeshAddress[]; rows: PeerRow[] }
  | { kind: 'failed'; failure: Failure }
  | { kind: 'rows'; rows: PeerRow[] }
  | { kind: 'trouble'; failure: Failure }
  | { kind: 'answer'; id: number; answer: object }
  | { kind: 'answer'; id: number; failure: Failure };
