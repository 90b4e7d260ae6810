// What the hosts have of cryptography, beside the answers of other people's crates. The engine's
// own functions are compared with them by the matrix (tests/conformance/cases/oracle.ts).
import { createHash } from 'node:crypto';
import { nobleEd25519 } from '@andvari/host-common/ratatoskr/noble-ed25519';
import { type NoiseKey, NoiseXX } from '@andvari/host-common/transfer/noise';
import { nobleX25519, type X25519Provider } from '@andvari/host-common/transfer/x25519';
import { blake2s } from '@noble/hashes/blake2.js';
import { describe, expect, it } from 'vitest';
import {
  NodeEd25519Signer,
  NodeEd25519Verifier,
} from '../../host-node/src/ratatoskr/node-ed25519.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import oracle from '../vectors/oracle-primitives.json' with { type: 'json' };
import { type Answered, firstQuestions, openingsOf, verificationsOf } from './questions.ts';

const answers = oracle.cases as Answered[];
const BASE = Uint8Array.of(9, ...new Uint8Array(31));

type Field = (name: string) => Uint8Array;

/** The answer of a host's function to each question about `name`; each of them is right. */
async function all(name: string, answer: (of: Field) => Uint8Array | Promise<Uint8Array>) {
  const chosen = answers.filter((one) => one.function === name);
  expect(chosen.length).toBeGreaterThan(3);
  for (const { input, ...rest } of chosen) {
    const fields = Object.fromEntries(
      Object.entries(input).map(([key, hex]) => [key, new Uint8Array(Buffer.from(hex, 'hex'))]),
    );
    const output = Buffer.from(await answer((key) => fields[key]!)).toString('hex');
    expect({ ...rest, output }, JSON.stringify(input)).toEqual(rest);
    // The twin: another question has another answer.
    const [first, bytes] = Object.entries(fields).find(([, { length }]) => length > 0) ?? [];
    if (name === 'curve.ed25519-verify' || !first || !bytes) continue;
    const spoilt = { ...fields, [first]: bytes.with(0, bytes[0]! ^ 0x10) };
    const other = Buffer.from(await answer((key) => spoilt[key]!)).toString('hex');
    expect(other).not.toBe(output);
  }
}

describe('the answers of the oracle', () => {
  it('are to the questions that would be asked now', () => {
    const bare = answers.map(({ function: name, input }) => ({ function: name, input }));
    const first = firstQuestions();
    expect(bare.slice(0, first.length)).toEqual(first);
    expect(bare.slice(first.length)).toEqual([...openingsOf(answers), ...verificationsOf(answers)]);
  });

  it('say of every spoilt text that its tag is wrong, and of no other', () => {
    const opened = answers.filter((one) => one.function === 'cipher.open');
    const verdicts = opened.map((one) => ('verdict' in one ? one.verdict : 'opened'));
    expect(verdicts).toEqual(opened.map((_, i) => (i % 2 ? 'bad-tag' : 'opened')));
  });

  it('say where they come from', () => {
    expect(oracle.rustc).toMatch(/^rustc \d/);
    const names = oracle.crates.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['aes', 'blake3', 'snow', 'x25519-dalek']));
    for (const { sha256 } of oracle.crates) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('the hosts agree with it', () => {
  it('BLAKE2s of noble and of node:crypto', async () => {
    await all('hash.blake2s', (of) => blake2s(of('bytes')));
    await all('hash.blake2s', (of) => createHash('blake2s256').update(of('bytes')).digest());
  });

  it.each<[X25519Provider]>([[nobleX25519], [nodeX25519]])('X25519 of %o', async (provider) => {
    await all('curve.x25519', (of) => provider.secret(of('secret')).shared(of('public'))!);
  });

  it('Ed25519 of noble and of node:crypto', async () => {
    await all('curve.ed25519-sign', async (of) => {
      const signer = await nobleEd25519.signer(of('seed'));
      return Buffer.concat([signer.publicKey, await signer.sign(of('message'))]);
    });
    await all('curve.ed25519-sign', (of) => {
      const signer = new NodeEd25519Signer(of('seed'));
      return Buffer.concat([signer.publicKey, signer.signNow(of('message'))]);
    });
    for (const verifier of [nobleEd25519, new NodeEd25519Verifier()]) {
      await all('curve.ed25519-verify', async (of) => {
        const isGood = await verifier.verify(of('public'), of('message'), of('signature'));
        return Uint8Array.of(isGood ? 1 : 0);
      });
    }
  });

  it('Noise XX, message for message, and the hash of the handshake', async () => {
    await all('noise.xx', (of) => {
      const keyOf = (bytes: Uint8Array): NoiseKey => {
        const secret = nobleX25519.secret(bytes);
        return { secret, publicKey: secret.shared(BASE)! };
      };
      const side = (bytes: Uint8Array) => {
        const ephemeral = keyOf(bytes.subarray(32));
        const identity = keyOf(bytes.subarray(0, 32));
        return { ephemeral, noise: new NoiseXX({ prologue: of('prologue'), identity, ephemeral }) };
      };
      const [caller, called] = [side(of('initiator')), side(of('responder'))];
      const first = caller.noise.writeFirst(of('first'));
      called.noise.readFirst(caller.ephemeral.publicKey, first);
      const second = called.noise.writeSecond(of('second'))!;
      expect(caller.noise.readSecond(called.ephemeral.publicKey, second)).toEqual(of('second'));
      const third = caller.noise.writeThird(of('third'))!;
      expect(called.noise.readThird(third)).toEqual(of('third'));
      const messages = [caller.ephemeral.publicKey, first, called.ephemeral.publicKey, second];
      return Buffer.concat([...messages, third, caller.noise.split().h]);
    });
  });
});
