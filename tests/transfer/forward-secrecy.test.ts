/**
 * Forward secrecy across a rekey: whoever recorded the wire, and then takes all memory of an engine
 * and all that its host held of X25519, reads nothing of what went before. The recording and the
 * keys are real; what could open it is computed by @noble alone. Nor do hosts keep the keys of a
 * handshake.
 */
import { EngineTransfer, type OpenOptions } from '@andvari/host-common/transfer/engine-transfer';
import { NoiseXX } from '@andvari/host-common/transfer/noise';
import type { X25519Provider } from '@andvari/host-common/transfer/x25519';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { directionKeys, expand, extract, joinBytes, openR1, type Way } from '../r1-keys.ts';
import { PERFECT } from '../simulation/network.ts';
import { next } from './endpoint-world.ts';
import { VirtualWorld } from './virtual-world.ts';

const WAIT_US = 5_000_000;
const TEXT = 'what was said before';
/** More than a direction sends here. */
const KEYS = 64;

/** Whatever X25519 was given or gave, to be looked at when all is done. */
function watched(held: Uint8Array[]): X25519Provider {
  return {
    name: 'watched',
    secret(secret) {
      held.push(secret);
      const own = nodeX25519.secret(secret);
      return {
        wipe: () => own.wipe(),
        shared(publicKey) {
          const shared = own.shared(publicKey);
          if (shared) held.push(shared);
          return shared;
        },
      };
    },
  };
}

/** Two endpoints with a session, a recording of what went, and the keys of its epoch 0. */
class Recording {
  readonly world = new VirtualWorld(7);
  readonly held: Uint8Array[] = [];
  readonly packets: Uint8Array[] = [];
  private readonly opened: OpenOptions[];

  constructor(opened: OpenOptions[]) {
    this.opened = opened;
    for (const host of [1, 2]) this.world.network.setLink(host, PERFECT);
    this.world.network.watch = ({ bytes, fate }) => {
      if (fate === 'sent') this.packets.push(bytes.slice());
    };
  }

  async open() {
    const { world } = this;
    const x25519 = watched(this.held);
    const [caller, called] = [
      await world.endpoint(1, { x25519 }),
      await world.endpoint(2, { x25519 }),
    ];
    const both = Promise.all([
      caller.connect(world.identity(2).peerId, world.address(2)),
      next(called.incoming),
    ]);
    expect(await world.run(WAIT_US, both)).toBe(true);
    return (await both)[0];
  }

  /** Secrets of epoch 0 of which any would open packets of it, by the keys of the handshake. */
  secrets() {
    const [{ k1, k2, handshakeHash } = { k1: [], k2: [], handshakeHash: [] }] = this.opened;
    const material = joinBytes(...[k1, k2, handshakeHash].map((part) => Uint8Array.from(part)));
    const prk = extract('protocol-v1', material);
    const cid = expand(prk, 'connection-id', 8);
    const ways = ['i2r', 'r2i'].map((way) => ({
      ...{ cid, salt: expand(prk, `${way}-nonce`, 4) },
      ...directionKeys(expand(prk, `${way}-data`, 32), KEYS),
    }));
    const root = expand(prk, 'ratchet-root', 32);
    const parts = [0, 32, 64].map((at) => material.subarray(at, at + 32));
    return {
      ways,
      all: [...parts, prk, root, ...ways.flatMap((way) => [...way.chains, ...way.keys])],
    };
  }

  /** What the recording says to whoever has the keys of both ways. */
  read(ways: readonly Way[]): string {
    const frames: Uint8Array[] = [];
    for (const packet of this.packets) {
      for (const way of ways) {
        try {
          frames.push(openR1(packet, way));
        } catch {
          // Of the other direction, of the handshake, or of another epoch.
        }
      }
    }
    return Buffer.concat(frames).toString('latin1');
  }

  /** Which secrets lie in the memory of an engine. */
  found(secrets: readonly Uint8Array[]): number {
    const memories = this.world.engines.map(({ memory }) => Buffer.from(memory.buffer));
    return secrets.filter((secret) =>
      memories.some((memory) => memory.includes(Buffer.from(secret))),
    ).length;
  }
}

describe('forward secrecy across a rekey', () => {
  const opened: OpenOptions[] = [];

  beforeEach(() => {
    opened.length = 0;
    const { open } = EngineTransfer.prototype;
    vi.spyOn(EngineTransfer.prototype, 'open').mockImplementation(function (
      this: EngineTransfer,
      options,
    ) {
      const { k1, k2, handshakeHash } = options;
      opened.push({
        ...options,
        k1: k1.slice(),
        k2: k2.slice(),
        handshakeHash: handshakeHash.slice(),
      });
      return open.call(this, options);
    });
  });
  afterEach(() => vi.restoreAllMocks());

  it('no memory opens what went before, once the keys before have had their time', async () => {
    const recording = new Recording(opened);
    const session = await recording.open();
    const stream = await session.openStream({ bidi: false });
    const writer = stream.writable?.getWriter();
    void writer?.write(new TextEncoder().encode(TEXT));
    expect(await recording.world.run(WAIT_US)).toBe(false);
    const { all, ways } = recording.secrets();
    expect(recording.read(ways), 'the keys are the right ones').toContain(TEXT);
    expect(recording.found(all), 'and still of use').toBeGreaterThan(0);
    expect(recording.found(ways.flatMap(({ keys }) => keys)), 'keys that were used').toBe(0);

    expect(session.rekey()).toBe(true);
    expect(await recording.world.run(WAIT_US)).toBe(false);
    expect(recording.found(all)).toBe(0);
    expect(recording.held.length).toBeGreaterThan(8);
    expect(recording.held.filter((secret) => secret.some((byte) => byte !== 0))).toEqual([]);
  });

  it('without one, memory opens what comes next', async () => {
    const recording = new Recording(opened);
    const session = await recording.open();
    expect(await recording.world.run(WAIT_US)).toBe(false);
    const { ways } = recording.secrets();
    const memories = recording.world.engines.map(({ memory }) =>
      Buffer.from(memory.buffer.slice(0)),
    );
    const taken = ways.map(({ chains }) => {
      const first = chains.findIndex((chain) =>
        memories.some((memory) => memory.includes(Buffer.from(chain))),
      );
      return { first, chain: chains[first] as Uint8Array };
    });
    expect(taken.every(({ first }) => first > 0)).toBe(true);
    const stream = await session.openStream({ bidi: false });
    void stream.writable?.getWriter().write(new TextEncoder().encode(TEXT));
    await recording.world.run(WAIT_US);
    const later = ways.map((way, i) => {
      const { first, chain } = taken[i] as (typeof taken)[number];
      return { ...way, keys: [...new Array(first), ...directionKeys(chain, KEYS - first).keys] };
    });
    expect(recording.read(later)).toContain(TEXT);
  });
});

describe('the keys of a handshake', () => {
  afterEach(() => vi.restoreAllMocks());

  /** k1 and k2 of each side as it holds them, beside a copy. */
  function splitKeys() {
    const keys: { held: Uint8Array; was: Uint8Array }[] = [];
    const { split } = NoiseXX.prototype;
    vi.spyOn(NoiseXX.prototype, 'split').mockImplementation(function (this: NoiseXX) {
      const made = split.call(this);
      for (const held of [made.k1, made.k2]) keys.push({ held, was: held.slice() });
      return made;
    });
    return keys;
  }
  const isWiped = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

  it('are wiped by both hosts once their engines have them, or the caller is refused', async () => {
    const keys = splitKeys();
    const world = new VirtualWorld(8);
    for (const host of [1, 2, 3]) world.network.setLink(host, PERFECT);
    const called = await world.endpoint(2, { places: { sessions: 1 } });
    const call = async (host: number) => {
      const caller = await world.endpoint(host);
      const outcome = caller.connect(world.identity(2).peerId, world.address(2)).then(
        () => 'a session',
        ({ code }: { code: string }) => code,
      );
      expect(await world.run(WAIT_US, outcome)).toBe(true);
      return outcome;
    };
    expect(await call(1)).toBe('a session');
    expect(await call(3)).toBe('ANDVARI_SESSION_CLOSED');
    expect((await next(called.incoming)).isOpen).toBe(true);
    expect(keys.length).toBe(8);
    expect(keys.filter(({ was }) => isWiped(was))).toEqual([]);
    expect(keys.map(({ held }) => isWiped(held))).toEqual(keys.map(() => true));
  });
});
