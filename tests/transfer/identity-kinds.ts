/** Identities and their files of what is none: told where it is given, on every host. */
import { hostRandom } from '@andvari/host-common/transfer/byte-strings';
import {
  identityOf,
  newSeed,
  noiseSecretOf,
  purposeInput,
  purposeSigner,
  relayData,
  verifyPurpose,
} from '@andvari/host-common/transfer/identity';
import {
  isSealed,
  type PassphraseKey,
  plainIdentityFile,
  readIdentityFile,
  sealedIdentityFile,
} from '@andvari/host-common/transfer/identity-file';
import { describe, expect, it } from 'vitest';
import { webProviders } from '../ratatoskr/providers.ts';

const seed = new Uint8Array(32).fill(3);
const NO_TEXT: unknown[] = [1, null, true, {}, ['a'], new Uint8Array(32)];
const NO_BYTES: unknown[] = [new ArrayBuffer(32), new Uint16Array(32), 'a'.repeat(32), null, 32];
const NO_SEED = [0, 31, 33].map((length) => new Uint8Array(length));
const NO_FUNCTION: unknown[] = [1, 'f', null, {}];

/** `given` with each of these is an error of that kind. */
function refuses(given: (value: never) => unknown, wrong: unknown[], kind: ErrorConstructor): void {
  for (const value of wrong) expect(() => given(value as never), String(value)).toThrow(kind);
}

async function rejects(
  given: (value: never) => Promise<unknown>,
  wrong: unknown[],
  kind: ErrorConstructor,
): Promise<void> {
  for (const value of wrong) {
    await expect(given(value as never), String(value)).rejects.toThrow(kind);
  }
}

function runIdentityKinds(): void {
  it('a seed has 32 bytes', () => {
    for (const take of [identityOf, noiseSecretOf, plainIdentityFile]) {
      refuses(take, NO_BYTES, TypeError);
      refuses(take, NO_SEED, RangeError);
      expect(() => take(seed)).not.toThrow();
    }
    refuses((provider) => identityOf(seed, provider), [null, 1, {}, { secret: 1 }], TypeError);
    refuses(newSeed, NO_FUNCTION, TypeError);
    refuses(newSeed, [() => new Uint8Array(31)], RangeError);
    expect(newSeed(hostRandom).length).toBe(32);
  });

  it('a signature is for a purpose that there is, over bytes', async () => {
    const data = new Uint8Array(5);
    const unknown = ['', 'wraith-v1', 'wraith-v1-announce '];
    refuses((purpose) => purposeInput(purpose, data), NO_TEXT, TypeError);
    refuses((purpose) => purposeInput(purpose, data), unknown, RangeError);
    refuses((other) => purposeInput('wraith-v1-announce', other), NO_BYTES, TypeError);
    refuses((host) => relayData(host, seed), NO_TEXT, TypeError);
    refuses((challenge) => relayData('a', challenge), NO_BYTES, TypeError);
    refuses((challenge) => relayData('a', challenge), NO_SEED, RangeError);
    const { peerId } = identityOf(seed);
    for (const provider of await webProviders()) {
      await rejects((other) => purposeSigner(provider, other), NO_BYTES, TypeError);
      await rejects((other) => purposeSigner(provider, other), NO_SEED, RangeError);
      await rejects((other) => purposeSigner(other, seed), [null, {}, 1], TypeError);
      const signer = await purposeSigner(provider, seed);
      const purpose = 'wraith-v1-announce' as const;
      const claim = { peerId, purpose, data, signature: await signer.sign(purpose, data) };
      const verify = (more: object) => verifyPurpose(provider, { ...claim, ...more });
      for (const name of ['peerId', 'data', 'signature']) {
        await rejects((value) => verify({ [name]: value }), NO_BYTES, TypeError);
      }
      await rejects((other) => verify({ purpose: other }), unknown, RangeError);
      expect(await verify({})).toBe(true);
    }
  });
}

function runFileKinds(): void {
  const key: PassphraseKey = () => Promise.resolve(new Uint8Array(32));
  const options = { passphrase: 'p', random: hostRandom, passphraseKey: key };

  it('a file is sealed with a passphrase that is text, and not empty', async () => {
    const seal = (more: object) => sealedIdentityFile(seed, { ...options, ...more });
    await rejects((passphrase) => seal({ passphrase }), [...NO_TEXT, undefined], TypeError);
    await rejects((passphrase) => seal({ passphrase }), [''], RangeError);
    await rejects((random) => seal({ random }), NO_FUNCTION, TypeError);
    await rejects((passphraseKey) => seal({ passphraseKey }), NO_FUNCTION, TypeError);
    await rejects((other) => sealedIdentityFile(other, options), NO_BYTES, TypeError);
    await rejects((other) => sealedIdentityFile(other, options), NO_SEED, RangeError);
    expect(await readIdentityFile(await seal({}), 'p', key)).toEqual(seed);
  });

  it('and read from bytes with such a one, whether it wants it or not', async () => {
    const files = [plainIdentityFile(seed), await sealedIdentityFile(seed, options)];
    for (const file of files) {
      await rejects((passphrase) => readIdentityFile(file, passphrase, key), NO_TEXT, TypeError);
      await rejects((other) => readIdentityFile(file, 'p', other), NO_FUNCTION, TypeError);
      expect(await readIdentityFile(file, 'p', key)).toEqual(seed);
    }
    await rejects((file) => readIdentityFile(file, 'p', key), NO_BYTES, TypeError);
    refuses(isSealed, NO_BYTES, TypeError);
  });
}

export function runIdentityKindCases(): void {
  describe('what is no identity', runIdentityKinds);
  describe('what is no identity file', runFileKinds);
}
