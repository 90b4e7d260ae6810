/** The handshakes of profile R1, byte for byte, by both machines; every host runs them. */
import type { RandomBytes } from '@andvari/host-common/transfer/byte-strings';
import { ephemeralOf } from '@andvari/host-common/transfer/elligator2';
import {
  emitRetry,
  emitVersions,
  HandshakeKeys,
  parseRetry,
  parseVersions,
} from '@andvari/host-common/transfer/handshake-messages';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { Initiator } from '@andvari/host-common/transfer/initiator';
import { Responder } from '@andvari/host-common/transfer/responder';
import type { X25519Provider } from '@andvari/host-common/transfer/x25519';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import profile from '../vectors/transfer_profile_r1.json' with { type: 'json' };
import { completed, HOME, must } from './handshake-world.ts';

type Case = (typeof profile.cases)[number];
type Handshake = NonNullable<Case['handshake']>;

/** Random bytes of a list, by how many are asked for; what is not in it: zeros. */
function scripted(list: string[]): RandomBytes {
  return (count) => {
    const at = list.findIndex((hex) => hex.length === 2 * count);
    return at < 0 ? new Uint8Array(count) : fromHex(list.splice(at, 1)[0] ?? '');
  };
}

function paramsOf(hex: string) {
  const view = new DataView(fromHex(hex).buffer);
  return {
    maxStreams: view.getUint16(0),
    headerProtection: (view.getUint16(2) & 2) !== 0,
    windowKiB: view.getUint32(4),
  };
}

/** The machines of a case, with its keys and random bytes. */
function machinesOf(item: Case, handshake: Handshake, x25519: X25519Provider, stealth: boolean) {
  const timestamp = Number(BigInt(`0x${handshake.timestamp}`));
  const now = { us: 5, wallUs: timestamp };
  const side = (which: 'i' | 'r', list: string[], params: string) => {
    const { secret, low_order_index, tweak } = handshake[`ephemeral_${which}`];
    return {
      identity: identityOf(fromHex(item.identity[`seed_${which}`]), x25519),
      params: paramsOf(params),
      x25519,
      random: scripted(list),
      ephemerals: { take: () => must(ephemeralOf(fromHex(secret), low_order_index, tweak)) },
      stealth,
    };
  };
  const called = side('r', [handshake.msg2_random], handshake.msg2_params);
  const lists = [handshake.msg1_random, handshake.masked.random_cid];
  const responder = new Responder(called, now);
  const caller = side('i', lists, handshake.msg3_params);
  const initiator = new Initiator(caller, fromHex(item.identity.peer_id_r), now);
  return { initiator, responder, world: { now } };
}

/** `providers`: those of X25519 that this host has. */
export function runProfileCases(providers: X25519Provider[]): void {
  const cases = profile.cases.flatMap((item) =>
    item.handshake ? [{ item, handshake: item.handshake }] : [],
  );
  const all = cases.flatMap((one) => providers.map((provider) => ({ ...one, provider })));

  describe.each(all)('profile R1 by $provider.name', ({ item, handshake, provider }) => {
    it.each([false, true])('three messages; masked: %s', (stealth) => {
      const machines = machinesOf(item, handshake, provider, stealth);
      const { initiator, responder, world } = machines;
      const wanted = stealth
        ? handshake.masked
        : { ...handshake, k1: item.noise.k1, k2: item.noise.k2, h: item.noise.h };
      const run = completed(world as never, initiator, responder);
      // The random bytes of the list are used up: none follow a message.
      expect(toHex(run.first)).toBe(wanted.msg1);
      expect(toHex(run.second)).toBe(wanted.msg2);
      expect(toHex(run.third)).toBe(wanted.msg3);
      for (const { keys, headerProtection } of [run.ours, run.theirs]) {
        expect([keys.k1, keys.k2, keys.h].map(toHex)).toEqual([wanted.k1, wanted.k2, wanted.h]);
        expect(headerProtection).toBe(true);
      }
      expect(toHex(run.ours.peerId)).toBe(item.identity.peer_id_r);
      expect(toHex(run.theirs.peerId)).toBe(item.identity.peer_id_i);
      expect(run.ours.theirParams).toMatchObject(paramsOf(handshake.msg2_params));
      expect(run.theirs.theirParams).toMatchObject(paramsOf(handshake.msg3_params));
      expect(responder.receiveThird(run.third, HOME, world.now).kind).toBe('again');
    });

    it('version reply and retry', () => {
      const keys = new HandshakeKeys(fromHex(item.identity.x25519_public_r));
      const mac = fromHex(handshake.msg1).subarray(80);
      const reply = fromHex(handshake.version_reply);
      expect(parseVersions(keys, reply, mac)).toEqual([2, 3]);
      expect(emitVersions(keys, mac, [2, 3])).toEqual(reply);
      const retry = fromHex(handshake.retry);
      const cookie = must(parseRetry(keys, retry, mac));
      expect(emitRetry(keys, cookie, mac)).toEqual(retry);
      for (let i = 0; i < retry.length; i++) {
        const damaged = retry.with(i, (retry[i] ?? 0) ^ 0x10);
        expect(parseRetry(keys, damaged, mac), `byte ${i}`).toBeUndefined();
      }
      expect(parseRetry(keys, retry, mac.with(0, 1))).toBeUndefined();
      expect(parseRetry(keys, retry.subarray(0, 39), mac)).toBeUndefined();
      expect(parseVersions(keys, reply.subarray(4), mac)).toBeUndefined();

      const { initiator, world } = machinesOf(item, handshake, provider, false);
      expect(toHex(must(initiator.take()))).toBe(handshake.msg1);
      expect(initiator.receive(retry, world.now)).toBe(true);
      expect(toHex(must(initiator.take()))).toBe(handshake.retry_msg1);
    });
  });
}
