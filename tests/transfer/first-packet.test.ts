/** The packet that a host seals itself: that of the vectors, and one that the engine opens. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { joined } from '@andvari/host-common/transfer/byte-strings';
import { closePacket, sealFirstPacket } from '@andvari/host-common/transfer/first-packet';
import { describe, expect, it } from 'vitest';
import { Primitives } from '../engine/primitives.ts';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import profile from '../vectors/transfer_profile_r1.json' with { type: 'json' };

/** Where the frame of a vector goes on after salt and number. */
const TYPE = 8;
const ROUNDS = 40;

describe('the first packet of a responder', () => {
  const isFirst = (packet: { direction: string; packet_number: number }) =>
    packet.direction === 'r2i' && packet.packet_number === 0;

  it.each(profile.cases)('is that of $identity.peer_id_r', ({ noise, packets, extras }) => {
    const keys = { k1: fromHex(noise.k1), k2: fromHex(noise.k2), h: fromHex(noise.h) };
    const vector = packets.find(isFirst);
    const frame = fromHex(vector?.frame ?? '').subarray(TYPE);
    const packet = sealFirstPacket({ keys, headerProtection: false }, frame);
    expect(toHex(packet)).toBe(vector?.packet);
    const masked = extras?.packets_header_protected.find(isFirst);
    if (!masked) return;
    const hidden = sealFirstPacket({ keys, headerProtection: true }, frame);
    expect(toHex(hidden.subarray(0, 8))).toBe(masked.wire_cid);
    expect(hidden.subarray(8)).toEqual(packet.subarray(8));
  });

  it('of any keys is opened by the engine of the initiator, and by no other', async () => {
    const seed = seedOfRun();
    console.log(`first packets: ANDVARI_SEED=${seed}`);
    const random = randomFrom(seed);
    const bytes = (count: number) => Uint8Array.from({ length: count }, () => random(256));
    const primitives = new Primitives(await plainEngine());
    for (let round = 0; round < ROUNDS; round++) {
      const keys = { k1: bytes(32), k2: bytes(32), h: bytes(32) };
      const material = joined(keys.k1, keys.k2, keys.h);
      const headerProtection = random(2) === 1;
      const error = random(2 ** 32);
      const packet = closePacket({ keys, headerProtection }, error, 'nö');
      const caller = primitives.packets(material.slice(), true, headerProtection);
      const damaged = packet.with(random(packet.length), random(256));
      if (toHex(damaged) !== toHex(packet)) expect(caller.open(damaged)).toBeUndefined();
      const frame = caller.open(packet);
      expect(frame && toHex(frame.subarray(4))).toBe(
        `000000000700000000000000${'00'.repeat(8)}00090000${error
          .toString(16)
          .padStart(8, '0')}00036ec3b6`,
      );
      expect(caller.open(packet), 'a second time').toBeUndefined();
      caller.end();
      const called = primitives.packets(material.slice(), false, headerProtection);
      expect(called.open(packet)).toBeUndefined();
      called.end();
    }
  });
});
