/** tests/vectors/ratatoskr.json as values. */
import { MessageType, type RatatoskrRequest } from '@andvari/host-common/ratatoskr/messages';
import file from '../vectors/ratatoskr.json' with { type: 'json' };

export interface RatatoskrVector {
  name: string;
  kind: 'request' | 'response';
  /** Hexadecimal. */
  bytes: string;
  decoded: Record<string, unknown> | null;
  verdict: 'accept' | 'reject';
  /** 'ok' or the reason. */
  reason: string;
  stage: string | null;
  signing?: Partial<Record<'preimage' | 'sha256' | 'request_sha256' | 'signer_public_key', string>>;
  /** What the replay cache holds before. */
  state?: {
    seen_nonces?: { device_id: string; nonce: string }[];
    seen_digests?: { device_id: string; sha256: string }[];
  };
}

export const VECTORS = file.vectors as RatatoskrVector[];
/** Seconds since the epoch at which the vectors are judged. */
export const NOW_S = file.now;
export const REGISTRY = file.registry;
export const SERVER_PUBLIC_KEY = file.server_public_key;
export const SERVER_SEED = file.server_private_seed_for_tests;

/** A request of no meaning, which openRequest takes at NOW_S. */
export function requestOf(): RatatoskrRequest {
  return {
    messageType: MessageType.BUSINESS_REQUEST,
    requestId: '4f0f3a52-7c55-4f0e-9c2e-0d9d3c1b6a77',
    deviceId: 'device-456',
    userId: 'user-789',
    timestamp: BigInt(NOW_S),
    nonce: new Uint8Array(16).fill(1),
    signature: new Uint8Array(64),
    payload: new Uint8Array(0),
    metadata: new Map(),
  };
}
