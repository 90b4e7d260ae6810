/** What the peer bench does with either kind of node. */
import { createHash } from 'node:crypto';

export type Kind = 'bare' | 'ours';
export type Role = 'server' | 'client';

export const LISTEN = '/ip4/127.0.0.1/tcp/0';
export const NAMES = { networkName: 'bench', instanceId: 'inst-1' };
/** Of a request, of its answer and of a broadcast. */
export const PAYLOAD = Uint8Array.from({ length: 256 }, (_, i) => (i * 7) & 0xff);

/** Bytes of our documents, which the bare node sends too. */
export interface Sizes {
  request: number;
  answer: number;
  broadcast: number;
}

export interface BenchEnd {
  address(): string;
  /** Until it can be asked: with ours, until it is verified. */
  connect(address: string): Promise<void>;
  disconnect(): Promise<void>;
  /** Rejects unless the answer is the right one. */
  ask(): Promise<void>;
  /** Gives to how many it went. */
  broadcast(): Promise<number>;
  onBroadcast(heard: () => void): void;
}

export function seedOf(name: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(name).digest());
}
