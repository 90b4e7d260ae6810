/** Identities of profile R1 and their files, on every host. */
import { authenticationString } from '@andvari/host-common/transfer/authentication-string';
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import {
  identityOf,
  noiseKeyOf,
  noiseSecretOf,
  peerIdOf,
  purposeInput,
  purposeSigner,
  relayData,
  signBitOf,
  verifyPurpose,
} from '@andvari/host-common/transfer/identity';
import {
  isSealed,
  type PassphraseKey,
  plainIdentityFile,
  readIdentityFile,
  sealedIdentityFile,
} from '@andvari/host-common/transfer/identity-file';
import { argon2id } from '@noble/hashes/argon2.js';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { webProviders } from '../ratatoskr/providers.ts';
import profile from '../vectors/transfer_profile_r1.json' with { type: 'json' };

/** Twice p less 19 and so on: the number as 32 bytes, little-endian. */
function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
const P = 2n ** 255n - 19n;

function runKeyCases(): void {
  it.each(profile.cases.map(({ identity }) => identity))('keys of $peer_id_i and its peer', (x) => {
    const sides = [
      [x.seed_i, x.peer_id_i, x.x25519_static_i, x.x25519_public_i],
      [x.seed_r, x.peer_id_r, x.x25519_static_r, x.x25519_public_r],
    ] as const;
    for (const [seed, peerId, secret, publicKey] of sides) {
      const identity = identityOf(fromHex(seed));
      expect(toHex(identity.peerId)).toBe(peerId);
      expect(toHex(noiseSecretOf(fromHex(seed)))).toBe(secret);
      expect(toHex(identity.noise.publicKey)).toBe(publicKey);
      const found = fromHex(peerId);
      expect(toHex(noiseKeyOf(found) ?? found)).toBe(publicKey);
      const back = peerIdOf(fromHex(publicKey), signBitOf(found));
      expect(back && toHex(back)).toBe(peerId);
      const twin = peerIdOf(fromHex(publicKey), !signBitOf(found)) ?? found;
      expect(toHex(twin)).not.toBe(peerId);
      expect(toHex(noiseKeyOf(twin) ?? twin)).toBe(publicKey);
    }
  });

  it('no peer ID: wrong length, y not below p, no point, small order', () => {
    const smallOrder = [
      '00',
      '01',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    ].map((hex) => fromHex(hex.padEnd(64, '0')));
    const bad = [
      new Uint8Array(31).fill(5),
      littleEndian(P - 1n),
      littleEndian(P),
      littleEndian(P + 3n),
      littleEndian(2n ** 255n - 1n),
      littleEndian(2n),
      ...smallOrder,
    ];
    for (const peerId of bad) expect(noiseKeyOf(peerId), toHex(peerId)).toBeUndefined();
  });

  it('no Noise key of a peer: on the twist, not below p, of small order', () => {
    const key = fromHex(profile.cases[0]?.identity.x25519_public_i ?? '');
    const second = Uint8Array.from(key);
    second[31] = (second[31] ?? 0) | 0x80;
    const twist = littleEndian(2n); // u^3 + A u^2 + u is no square
    for (const u of [second, twist, littleEndian(P + 9n), littleEndian(P - 1n), littleEndian(0n)]) {
      for (const sign of [false, true]) expect(peerIdOf(u, sign), toHex(u)).toBeUndefined();
    }
    expect(peerIdOf(key.subarray(1), false)).toBeUndefined();
  });
}

function runPurposeCases(): void {
  it('a signature is for one purpose, one host, one challenge', async () => {
    const seed = new Uint8Array(32).fill(4);
    const { peerId } = identityOf(seed);
    const challenge = new Uint8Array(32).fill(6);
    const data = relayData('Relay.Example', challenge);
    expect(data[0]).toBe(13);
    expect(
      new TextDecoder().decode(purposeInput('wraith-v1-relay-auth', data.subarray(1, 14))),
    ).toBe('wraith-v1-relay-authrelay.example');
    for (const provider of await webProviders()) {
      const signer = await purposeSigner(provider, seed);
      const signature = await signer.sign('wraith-v1-relay-auth', data);
      const claim = { peerId, purpose: 'wraith-v1-relay-auth' as const, data, signature };
      expect(await verifyPurpose(provider, claim)).toBe(true);
      const others = [
        { ...claim, purpose: 'wraith-v1-announce' as const },
        { ...claim, data: relayData('relay.examples', challenge) },
        { ...claim, data: relayData('relay.example', new Uint8Array(32)) },
        { ...claim, signature: signature.subarray(1) },
        { ...claim, peerId: identityOf(challenge).peerId },
        { ...claim, peerId: littleEndian(1n) },
      ];
      for (const other of others) expect(await verifyPurpose(provider, other)).toBe(false);
    }
    expect(() => relayData('', challenge)).toThrow(RangeError);
    expect(() => relayData('a b', challenge)).toThrow(RangeError);
    expect(() => relayData('a', challenge.subarray(1))).toThrow(RangeError);
  });

  it('the authentication string is 80 bits of h in base32', () => {
    const h = Uint8Array.from({ length: 32 }, (_, i) => i * 37);
    expect(authenticationString(new Uint8Array(32))).toBe('aaaa-aaaa-aaaa-aaaa');
    expect(authenticationString(new Uint8Array(32).fill(255))).toBe('7777-7777-7777-7777');
    expect(authenticationString(new TextEncoder().encode('foobarfoob'))).toBe(
      'mzxw-6ytb-ojtg-633c',
    );
    expect(authenticationString(h.with(9, 0))).not.toBe(authenticationString(h));
    expect(authenticationString(h.with(10, 0))).toBe(authenticationString(h));
  });
}

function runFileCases(): void {
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
  // Stands for Argon2id, whose cost is for the one case below.
  const quick: PassphraseKey = (passphrase, salt) =>
    Promise.resolve(argon2id(passphrase, salt, { m: 32, t: 1, p: 1, dkLen: 32 }));
  const options = { passphrase: 'pässword', random: hostRandom, passphraseKey: quick };
  const codeOf = (reading: Promise<Uint8Array>) =>
    reading.then(
      () => 'read',
      (error: { code?: string }) => error.code,
    );

  it('a plain file gives its seed; nothing shorter or longer does', async () => {
    const file = plainIdentityFile(seed);
    expect(file.length).toBe(40);
    expect(await readIdentityFile(file)).toEqual(seed);
    const bad = [file.subarray(1), file.subarray(0, 39), Uint8Array.of(...file, 0)];
    for (let i = 0; i < 8; i++) bad.push(file.with(i, 0));
    for (const other of bad) {
      expect(await codeOf(readIdentityFile(other))).toBe('ANDVARI_IDENTITY_FORMAT');
    }
    expect(() => plainIdentityFile(seed.subarray(1))).toThrow(RangeError);
  });

  it('a sealed file opens with its passphrase alone', async () => {
    const file = await sealedIdentityFile(seed, options);
    expect(file.length).toBe(96);
    expect(new TextDecoder().decode(file.subarray(0, 8))).toBe('WRAITH01');
    expect(isSealed(file)).toBe(true);
    expect(await readIdentityFile(file, 'pässword', quick)).toEqual(seed);
    expect(await codeOf(readIdentityFile(file))).toBe('ANDVARI_IDENTITY_SEALED');
    const wrong = readIdentityFile(file, 'password', quick);
    expect(await codeOf(wrong)).toBe('ANDVARI_IDENTITY_PASSPHRASE');
    for (const at of [8, 24, 48, 80, 95]) {
      const damaged = file.with(at, (file[at] ?? 0) ^ 1);
      const reading = readIdentityFile(damaged, 'pässword', quick);
      expect(await codeOf(reading)).toBe('ANDVARI_IDENTITY_PASSPHRASE');
    }
    expect(await codeOf(readIdentityFile(file.subarray(0, 95), 'pässword'))).toBe(
      'ANDVARI_IDENTITY_FORMAT',
    );
    expect(await sealedIdentityFile(seed, options)).not.toEqual(file);
  });

  it('Argon2id is that of RFC 9106 section 5.3', () => {
    const fill = (bytes: number, value: number) => new Uint8Array(bytes).fill(value);
    const tag = argon2id(fill(32, 1), fill(16, 2), {
      m: 32,
      t: 3,
      p: 4,
      dkLen: 32,
      key: fill(8, 3),
      personalization: fill(12, 4),
    });
    expect(toHex(tag)).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659');
  });
}

export function runIdentityCases(): void {
  describe('identity', runKeyCases);
  describe('what an identity signs and says', runPurposeCases);
  describe('identity files', runFileCases);
}
