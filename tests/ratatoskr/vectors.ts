/** tests/vectors/ratatoskr.json as values. */
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
