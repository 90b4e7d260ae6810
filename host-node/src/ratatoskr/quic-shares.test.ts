import { describe, expect, it } from 'vitest';
import {
  QUIC_KNOWN_BURST_MS,
  QUIC_STRANGER_BURST_MS,
  QUIC_STRANGER_MS_PER_SECOND,
  QUIC_STRANGERS_BURST_MS,
  QUIC_STRANGERS_NETWORKS_MAX,
} from './limits.ts';
import { QuicShares } from './quic-shares.ts';

describe('what connections may take of the thread', () => {
  let nowMs = 1000;
  const newShares = () => new QuicShares(() => nowMs);

  it('strangers of one network have one share, also in connections that come later', () => {
    const shares = newShares();
    const one = shares.stranger('10.0.0.1');
    const neighbour = shares.stranger('2001:db8::1');
    expect(one.has(nowMs)).toBe(true);
    one.charge(QUIC_STRANGER_BURST_MS);
    expect(one.has(nowMs)).toBe(false);
    expect(shares.stranger('::ffff:10.0.0.1').has(nowMs)).toBe(false);
    nowMs += 1000;
    expect(one.has(nowMs)).toBe(true);
    one.charge(QUIC_STRANGER_MS_PER_SECOND);
    expect(one.has(nowMs)).toBe(false);
    expect(neighbour.has(nowMs)).toBe(true);
    neighbour.charge(QUIC_STRANGER_BURST_MS);
    expect(shares.stranger('2001:db8::ffff').has(nowMs)).toBe(false);
  });

  it('many networks together have no more than all strangers may', () => {
    const shares = newShares();
    for (let i = 0; i < 4; i++) shares.stranger(`10.0.${i}.1`).charge(QUIC_STRANGERS_BURST_MS / 4);
    expect(shares.stranger('10.1.0.1').has(nowMs)).toBe(false);
    // A device that has spoken waits for none of them.
    const known = shares.known();
    expect(known.has(nowMs)).toBe(true);
    known.charge(QUIC_KNOWN_BURST_MS);
    expect(known.has(nowMs)).toBe(false);
    expect(shares.known().has(nowMs)).toBe(true);
  });

  it('remembers so many networks, and those whose share is whole go first', () => {
    const shares = newShares();
    shares.stranger('10.0.0.1').charge(QUIC_STRANGER_BURST_MS);
    const fill = () => {
      for (let i = 0; i < QUIC_STRANGERS_NETWORKS_MAX; i++) {
        shares.stranger(`10.1.${i >> 8}.${i & 255}`);
      }
    };
    fill();
    expect(shares.stranger('10.0.0.1').has(nowMs)).toBe(false);
    expect(shares.networks).toBeLessThanOrEqual(QUIC_STRANGERS_NETWORKS_MAX);
  });
});
