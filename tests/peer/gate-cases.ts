/**
 * The gate of peers with real signatures and a clock of its own: a file in Node and one in Chromium
 * call this. Each attack has beside it what is taken (reference: peer section 5).
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import { type GateDirection, PeerGate } from '@andvari/host-common/peer/gate';
import type { GateLimits } from '@andvari/host-common/peer/gate-limits';
import type { PeerHandshake } from '@andvari/host-common/peer/messages';
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

const NOW_MS = 1_767_225_600_000;
const idOf = (n: number) =>
  Uint8Array.from([0, 0x24, 8, 1, 0x12, 0x20, ...new Uint8Array(32).fill(n)]);
const [US, ANN, BEA, EVE] = [idOf(1), idOf(2), idOf(3), idOf(4)];

interface Signed {
  key: number;
  sender: Uint8Array;
  timeMs: number;
}

export function runPeerGateCases(): void {
  let module: WebAssembly.Module;
  let codec: PeerCodec;
  let gate: PeerGate;
  let now = NOW_MS;
  const signers: Awaited<ReturnType<typeof nobleEd25519.signer>>[] = [];
  const publicKey = (n: number) => signers[n]?.publicKey ?? new Uint8Array(0);

  beforeAll(async () => {
    module = await plainEngine();
    codec = PeerCodec.create({ module });
    for (const n of [11, 12, 13]) {
      signers.push(await nobleEd25519.signer(new Uint8Array(32).fill(n)));
    }
  });
  beforeEach(() => {
    now = NOW_MS;
    gate = PeerGate.create({ module, peerId: US });
    gate.replaceWhitelist([publicKey(0), publicKey(1)], now);
  });

  const handshake = async ({ key, sender, timeMs }: Signed): Promise<PeerHandshake> => {
    const timestampMs = BigInt(timeMs);
    const context = { wire: 2 as const, sender, recipient: US, timestampMs };
    const signature = await signers[key]?.sign(codec.signingBytes(context));
    if (!signature) throw new Error('no such key');
    return {
      type: 'handshake',
      publicKey: publicKey(key),
      signature,
      msg: { sender, timestampMs },
    };
  };
  const join = (id: Uint8Array, address = 1) => {
    const { answer, handle } = gate.accept(address, now);
    const opened = answer === 'OK' ? gate.open(handle, id, now) : answer;
    return { answer: opened, handle };
  };
  const show = async (handle: number, shown: PeerHandshake, way: GateDirection = 'request') => {
    const begun = gate.begin(handle, way, shown, { wire: 2, nowMs: now });
    if (begun.answer !== 'OK') return begun.answer;
    const isGood = await nobleEd25519.verify(shown.publicKey, begun.signed, shown.signature);
    return gate.conclude(handle, way, isGood, now);
  };
  const prove = async (handle: number, sender: Uint8Array, key: number) =>
    show(handle, await handshake({ key, sender, timeMs: now }));
  const reasons = () => gate.takeClosing(now).map(({ reason }) => reason);

  describe('the gate of peers', () => {
    it('verifies by the request or by the response, whichever comes first', async () => {
      const { handle } = join(ANN);
      expect(gate.takeDueHandshakes(now)).toEqual([handle]);
      expect(gate.state(ANN)).toMatchObject({ phase: 'connected', isOutboundPending: true });
      expect(gate.receive(handle, now)).toBe('NOT_VERIFIED');
      expect(gate.send(handle, now)).toBe('QUEUED');
      expect(await prove(handle, ANN, 0)).toBe('OK');
      expect(gate.state(ANN).phase).toBe('verified');
      expect([gate.receive(handle, now), gate.send(handle, now)]).toEqual(['OK', 'OK']);
      const response = await handshake({ key: 0, sender: ANN, timeMs: now + 1 });
      expect(await show(handle, response, 'response')).toBe('ALREADY_VERIFIED');
      const other = join(BEA);
      const answer = await handshake({ key: 1, sender: BEA, timeMs: now });
      expect(await show(other.handle, answer, 'response')).toBe('NOT_PENDING');
      expect(gate.takeDueHandshakes(now)).toEqual([other.handle]);
      expect(await show(other.handle, answer, 'response')).toBe('OK');
    });

    it("takes nobody else's (5.1), none ahead (5.2), none badly signed", async () => {
      const { handle } = join(EVE);
      const stolen = await handshake({ key: 0, sender: ANN, timeMs: now });
      expect(await show(handle, stolen)).toBe('SENDER');
      const ahead = await handshake({ key: 0, sender: EVE, timeMs: now + 5001 });
      expect(await show(handle, ahead)).toBe('TIMESTAMP_FUTURE');
      const forged = await handshake({ key: 1, sender: EVE, timeMs: now });
      expect(await show(handle, { ...forged, publicKey: publicKey(0) })).toBe('SIGNATURE');
      expect(gate.state(EVE).phase).toBe('connected');
      const { handle: own } = join(ANN);
      expect(await show(own, stolen)).toBe('OK');
    });

    it('takes no handshake twice, also not when the clock is set back (5.3)', async () => {
      const shown = await handshake({ key: 0, sender: ANN, timeMs: now });
      const first = join(ANN).handle;
      expect(await show(first, shown)).toBe('OK');
      gate.close(first, now);
      const second = join(ANN).handle;
      expect(await show(second, shown)).toBe('REPLAYED');
      now += 40_000;
      gate.tick(now);
      gate.takeClosing(now);
      now -= 39_000;
      const third = join(ANN).handle;
      expect(await show(third, shown)).toBe('REPLAYED');
      now += 1;
      expect(await prove(third, ANN, 0)).toBe('OK');
    });

    it('keeps nobody verified who has gone (5.4), nor verifies him after', async () => {
      const { handle } = join(ANN);
      const shown = await handshake({ key: 0, sender: ANN, timeMs: now });
      expect(gate.begin(handle, 'request', shown, { wire: 2, nowMs: now }).answer).toBe('OK');
      gate.close(handle, now);
      const again = join(ANN).handle;
      expect(gate.conclude(handle, 'request', true, now)).toBe('UNKNOWN_CONNECTION');
      expect(gate.conclude(again, 'request', true, now)).toBe('NOT_PENDING');
      expect(gate.state(ANN).phase).toBe('connected');
      expect(await show(again, shown)).toBe('OK');
      expect(gate.close(again, now)).toBe('OK');
      expect(gate.state(ANN).phase).toBe('none');
      expect(gate.receive(again, now)).toBe('UNKNOWN_CONNECTION');
    });

    it('enforces bans everywhere, whoever connects again, until they end (5.5)', async () => {
      const { handle } = join(ANN);
      expect(await prove(handle, ANN, 0)).toBe('OK');
      expect(gate.ban(ANN, now + 1000, now)).toBe('OK');
      expect(gate.receive(handle, now)).toBe('UNKNOWN_CONNECTION');
      expect(reasons()).toEqual(['BANNED']);
      expect([join(ANN).answer, gate.dial(ANN, now).answer]).toEqual(['BANNED', 'BANNED']);
      expect(gate.bans()).toEqual([{ peerId: ANN, untilMs: now + 1000 }]);
      expect(gate.tick(now)).toBe(now + 1000);
      gate.ban(ANN, Number.POSITIVE_INFINITY, now);
      now += 1000;
      expect(join(ANN).answer).toBe('BANNED');
      expect(gate.unban(ANN)).toBe('OK');
      expect(join(ANN).answer).toBe('OK');
    });

    it('three failures are a ban of 300 s, also of one who leaves before it is time', async () => {
      for (let i = 0; i < 3; i++) {
        const { handle, answer } = join(EVE);
        expect(answer).toBe('OK');
        const stolen = await handshake({ key: 0, sender: ANN, timeMs: now });
        expect(await show(handle, stolen)).toBe('SENDER');
        gate.close(handle, now);
      }
      expect(join(EVE).answer).toBe('BANNED');
      now += 300_000;
      expect(join(EVE).answer).toBe('OK');
    });

    it('times out after 30 s, which alone is no failure', () => {
      for (let i = 0; i < 4; i++) {
        const { handle, answer } = join(ANN);
        expect(answer).toBe('OK');
        gate.takeDueHandshakes(now);
        expect(gate.tick(now)).toBe(now + 3000);
        now += 29_999;
        gate.tick(now);
        expect(reasons()).toEqual([]);
        now += 1;
        expect(gate.receive(handle, now)).toBe('UNKNOWN_CONNECTION');
        expect(gate.state(ANN).phase).toBe('failed');
        expect(join(ANN).answer).toBe('FAILED');
        expect(reasons()).toEqual(['TIMEOUT']);
      }
      expect(gate.bans()).toEqual([]);
      expect(gate.tick(now)).toBe(Number.POSITIVE_INFINITY);
    });

    it('one live peer for a key (5.6); the next when it has gone', async () => {
      const { handle } = join(ANN);
      expect(await prove(handle, ANN, 0)).toBe('OK');
      const other = join(BEA).handle;
      expect(await prove(other, BEA, 0)).toBe('KEY_IN_USE');
      gate.close(handle, now);
      now += 1;
      expect(await prove(other, BEA, 0)).toBe('OK');
    });

    it('senders inside are those outside (5.7)', async () => {
      const [ann, bea] = [join(ANN).handle, join(BEA).handle];
      const direct = (sender: Uint8Array, recipient?: Uint8Array) =>
        gate.receiveDirect(ann, { sender, recipient }, now);
      expect(direct(ANN, US)).toBe('NOT_VERIFIED');
      await prove(ann, ANN, 0);
      expect([direct(ANN, US), direct(BEA, US)]).toEqual(['OK', 'SENDER']);
      expect([direct(ANN, BEA), direct(ANN)]).toEqual(['RECIPIENT', 'RECIPIENT']);
      const gossip = (from: Uint8Array, sender: Uint8Array) =>
        gate.receiveGossip(ann, { from, sender }, now);
      expect(gossip(BEA, BEA)).toBe('NOT_VERIFIED');
      await prove(bea, BEA, 1);
      expect([gossip(BEA, BEA), gossip(BEA, ANN)]).toEqual(['OK', 'SENDER']);
      expect([gossip(US, US), gossip(EVE, EVE)]).toEqual(['OWN_ID', 'NOT_VERIFIED']);
    });

    it('429 over 100 in 10 s, a ban over 300 (5.8)', async () => {
      const { handle } = join(ANN);
      await prove(handle, ANN, 0);
      const ask = (times: number) =>
        Array.from({ length: times }, () => gate.receive(handle, now)).at(-1);
      expect([ask(100), ask(1)]).toEqual(['OK', 'RATE_LIMITED']);
      now += 10_000;
      expect([ask(100), ask(200), ask(1)]).toEqual(['OK', 'RATE_LIMITED', 'BANNED']);
      expect(reasons()).toEqual(['BANNED']);
      expect(join(ANN).answer).toBe('BANNED');
    });

    it('the same of broadcasts of its own; those of others are dropped alone', async () => {
      const { handle } = join(ANN);
      const hear = (from: Uint8Array, times: number) =>
        Array.from({ length: times }, () => gate.countGossip(handle, from, now)).at(-1);
      expect(hear(ANN, 1)).toBe('NOT_VERIFIED');
      await prove(handle, ANN, 0);
      expect([hear(ANN, 100), hear(ANN, 1)]).toEqual(['OK', 'RATE_LIMITED']);
      expect([hear(BEA, 2500), hear(BEA, 5001)]).toEqual(['OK', 'RATE_LIMITED']);
      expect(gate.receive(handle, now)).toBe('OK');
      now += 10_000;
      expect([hear(BEA, 1), hear(ANN, 300), hear(ANN, 1)]).toEqual([
        'OK',
        'RATE_LIMITED',
        'BANNED',
      ]);
      expect([reasons(), join(ANN).answer]).toEqual([['BANNED'], 'BANNED']);
      expect(hear(ANN, 1)).toBe('NOT_VERIFIED');
    });

    it('takes the limits of the host, within bounds', async () => {
      const limited = (limits: GateLimits) => PeerGate.create({ module, peerId: US, limits });
      gate = limited({ requests: 1, broadcasts: 1_000_000 });
      gate.replaceWhitelist([publicKey(0)], now);
      const { handle } = join(ANN);
      await prove(handle, ANN, 0);
      const asked = Array.from({ length: 4 }, () => gate.receive(handle, now));
      expect(asked).toEqual(['OK', 'RATE_LIMITED', 'RATE_LIMITED', 'BANNED']);
      for (const wrong of [0, -1, 1.5, 1_000_001, Number.NaN, 2 ** 32 + 1]) {
        expect(() => limited({ requests: wrong })).toThrow(RangeError);
        expect(() => limited({ broadcasts: wrong })).toThrow(RangeError);
        expect(() => PeerGate.create({ module, peerId: US, targetPeers: wrong })).toThrow(
          RangeError,
        );
      }
    });

    it('swaps the list at once (5.10) and sorts it (5.11); an unlisted key is a ban', async () => {
      const [ann, bea] = [join(ANN).handle, join(BEA).handle];
      await prove(ann, ANN, 0);
      await prove(bea, BEA, 1);
      gate.replaceWhitelist([publicKey(2), publicKey(1), publicKey(2)], now);
      expect([gate.receive(ann, now), gate.receive(bea, now)]).toEqual([
        'UNKNOWN_CONNECTION',
        'OK',
      ]);
      expect(reasons()).toEqual(['REMOVED']);
      const places = [0, 1, 2].map((n) => gate.participant(publicKey(n)));
      const hex = (n: number) =>
        [...publicKey(n)].map((byte) => String.fromCharCode(byte)).join('');
      expect(places).toEqual(hex(1) < hex(2) ? [-1, 0, 1] : [-1, 1, 0]);
      const eve = join(EVE).handle;
      expect(await prove(eve, EVE, 0)).toBe('UNLISTED');
      expect([reasons(), join(EVE).answer]).toEqual([['BANNED'], 'BANNED']);
      expect(gate.bans()).toEqual([{ peerId: EVE, untilMs: now + 3_600_000 }]);
      const tooMany = Array.from({ length: 4097 }, () => publicKey(0));
      expect(() => gate.replaceWhitelist(tooMany, now)).toThrow(RangeError);
      expect(gate.participant(publicKey(0))).toBe(-1);
    });

    it('limits what is connected and what is tried', async () => {
      expect(join(US).answer).toBe('OWN_ID');
      const [first] = [join(ANN), join(ANN)];
      expect(join(ANN).answer).toBe('TOO_MANY_OF_PEER');
      for (let i = 0; i < 6; i++) expect(join(idOf(100 + i)).answer).toBe('OK');
      expect(join(BEA).answer).toBe('TOO_MANY_OF_ADDRESS');
      expect(await prove(first?.handle ?? 0, ANN, 0)).toBe('OK');
      expect(join(BEA).answer).toBe('OK');
      for (let i = 0; i < 41; i++) expect(join(idOf(150 + i), 100 + i).answer).toBe('OK');
      expect(join(idOf(250), 99).answer).toBe('TOO_MANY_CONNECTIONS');
      expect(gate.dial(idOf(251), now).answer).toBe('TOO_MANY_CONNECTIONS');
      const tried = join(BEA, 98);
      expect(tried.answer).toBe('TOO_MANY_CONNECTIONS');
      const queue = Array.from({ length: 65 }, () => gate.send(3 + 1024, now));
      expect(queue.slice(-2)).toEqual(['QUEUED', 'QUEUE_FULL']);
    });

    it('lets a peer try eight handshakes, no more', async () => {
      const { handle } = join(EVE);
      const stolen = await handshake({ key: 0, sender: ANN, timeMs: now });
      for (let i = 0; i < 8; i++) expect(await show(handle, stolen)).toBe('SENDER');
      expect(await show(handle, stolen)).toBe('TOO_MANY_HANDSHAKES');
      expect(reasons()).toEqual(['HANDSHAKES']);
    });
  });
}
