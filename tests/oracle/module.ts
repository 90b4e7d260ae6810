/** The built oracle as one function for every question. */
import { createRequire } from 'node:module';
import {
  type Answered,
  firstQuestions,
  openingsOf,
  type Question,
  verificationsOf,
} from './questions.ts';

type Bytes = Uint8Array;

/** What wasm-bindgen makes of src/lib.rs. */
interface Oracle {
  md5(bytes: Bytes): Bytes;
  sha256(bytes: Bytes): Bytes;
  blake2s(bytes: Bytes): Bytes;
  hmac_sha256(key: Bytes, bytes: Bytes): Bytes;
  blake3(bytes: Bytes, length: number): Bytes;
  blake3_keyed(key: Bytes, bytes: Bytes, length: number): Bytes;
  blake3_derive(context: string, bytes: Bytes, length: number): Bytes;
  aes_ctr(key: Bytes, counter: Bytes, text: Bytes): Bytes;
  chacha20(key: Bytes, counter: number, nonce: Bytes, text: Bytes): Bytes;
  hchacha20(key: Bytes, nonce: Bytes): Bytes;
  seal(key: Bytes, nonce: Bytes, associated: Bytes, text: Bytes): Bytes;
  open(key: Bytes, nonce: Bytes, associated: Bytes, sealed: Bytes): Bytes | undefined;
  x25519(secret: Bytes, publicKey: Bytes): Bytes;
  ed25519_sign(seed: Bytes, message: Bytes): Bytes;
  ed25519_verify(publicKey: Bytes, message: Bytes, signature: Bytes): Bytes;
  noise_xx(...six: [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes]): Bytes;
}

type Field = (name: string) => Buffer;

const numberOf = (bytes: Buffer) => bytes.readUInt32BE(0);

function functionsOf(oracle: Oracle): Record<string, (field: Field) => Bytes | undefined> {
  return {
    'hash.md5': (of) => oracle.md5(of('bytes')),
    'hash.sha256': (of) => oracle.sha256(of('bytes')),
    'hash.blake2s': (of) => oracle.blake2s(of('bytes')),
    'hash.hmac-sha256': (of) => oracle.hmac_sha256(of('key'), of('bytes')),
    'hash.blake3': (of) => oracle.blake3(of('bytes'), numberOf(of('length'))),
    'hash.blake3-keyed': (of) =>
      oracle.blake3_keyed(of('key'), of('bytes'), numberOf(of('length'))),
    'hash.blake3-derive': (of) =>
      oracle.blake3_derive(of('context').toString(), of('bytes'), numberOf(of('length'))),
    'cipher.ctr': (of) => oracle.aes_ctr(of('key'), of('counter'), of('text')),
    'cipher.chacha20': (of) =>
      oracle.chacha20(of('key'), numberOf(of('counter')), of('nonce'), of('text')),
    'cipher.hchacha20': (of) => oracle.hchacha20(of('key'), of('nonce')),
    'cipher.seal': (of) => oracle.seal(of('key'), of('nonce'), of('associated'), of('text')),
    'cipher.open': (of) => oracle.open(of('key'), of('nonce'), of('associated'), of('sealed')),
    'curve.x25519': (of) => oracle.x25519(of('secret'), of('public')),
    'curve.ed25519-sign': (of) => oracle.ed25519_sign(of('seed'), of('message')),
    'curve.ed25519-verify': (of) =>
      oracle.ed25519_verify(of('public'), of('message'), of('signature')),
    'noise.xx': (of) =>
      oracle.noise_xx(
        ...([of('prologue'), of('initiator'), of('responder')] as const),
        ...([of('first'), of('second'), of('third')] as const),
      ),
  };
}

/** `path`: of the JavaScript that wasm-pack has made. Throws what the oracle refuses. */
export function askAll(path: string): Answered[] {
  const functions = functionsOf(createRequire(import.meta.url)(path) as Oracle);
  const ask = (question: Question): Answered => {
    const answer = functions[question.function];
    if (!answer) throw new Error(`the oracle has no ${question.function}`);
    const output = answer((name) => Buffer.from(question.input[name] ?? '', 'hex'));
    if (output === undefined) return { ...question, verdict: 'bad-tag' };
    return { ...question, output: Buffer.from(output).toString('hex') };
  };
  const first = firstQuestions().map(ask);
  return [...first, ...openingsOf(first).map(ask), ...verificationsOf(first).map(ask)];
}
