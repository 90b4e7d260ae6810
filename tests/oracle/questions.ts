/** What the oracle is asked: the same in every run, and with every edge of a block or chunk. */
import { createHash } from 'node:crypto';
import { hexOf, hexOfNumber, hexOfText } from '../conformance/case.ts';

export interface Question {
  /** As in docs/matrix.md; `curve.` and `noise.` are of the hosts, not of the engine. */
  function: string;
  /** Lower-case hex by name. */
  input: Record<string, string>;
}

/** `output` in hex, or why there is none. */
export type Answered = Question & ({ output: string } | { verdict: string });

/** Bytes that follow from their label. */
function bytesOf(label: string, count: number): string {
  let hex = '';
  for (let i = 0; hex.length < 2 * count; i++) {
    hex += createHash('sha256').update(`andvari-oracle:${label}:${i}`).digest('hex');
  }
  return hex.slice(0, 2 * count);
}

/** Around blocks of 16 and 64 bytes, and the runs of blocks that SIMD takes at once. */
const LENGTHS = [0, 1, 15, 16, 17, 55, 56, 63, 64, 65, 127, 128, 129, 255, 257, 511, 513, 1025];
/** Around chunks of BLAKE3, and pairs of them. */
const CHUNKS = [...LENGTHS, 1024, 2048, 2049, 3073, 4097];

function hashes(): Question[] {
  const plain = ['hash.md5', 'hash.sha256', 'hash.blake2s'].flatMap((name) =>
    LENGTHS.map((count) => ({ function: name, input: { bytes: bytesOf(name, count) } })),
  );
  const keyed = [0, 1, 32, 63, 64, 65, 200].map((count) => {
    const input = { key: bytesOf('hmac', count), bytes: bytesOf('text', 3 * count + 1) };
    return { function: 'hash.hmac-sha256', input };
  });
  const length = hexOfNumber(131, 4);
  const tree = CHUNKS.flatMap((count): Question[] => {
    const bytes = bytesOf('blake3', count);
    const key = bytesOf('blake3-key', 32);
    const context = hexOfText(`andvari oracle ${count}`);
    return [
      { function: 'hash.blake3', input: { bytes, length } },
      { function: 'hash.blake3-keyed', input: { key, bytes, length } },
      { function: 'hash.blake3-derive', input: { context, bytes, length } },
    ];
  });
  return [...plain, ...keyed, ...tree];
}

function streams(): Question[] {
  const counters = ['00'.repeat(16), 'ff'.repeat(16), `${'00'.repeat(8)}${'ff'.repeat(8)}`];
  const aes = [16, 32].flatMap((bits) =>
    LENGTHS.map((count, i) => {
      const key = bytesOf(`aes-${count}`, bits);
      const counter = counters[i] ?? bytesOf(`counter-${count}`, 16);
      return { function: 'cipher.ctr', input: { key, counter, text: bytesOf('aes', count) } };
    }),
  );
  const chacha = LENGTHS.map((count) => {
    const key = bytesOf(`chacha-${count}`, 32);
    const nonce = bytesOf(`chacha-nonce-${count}`, 12);
    const counter = hexOfNumber(count * 7919, 4);
    const text = bytesOf('chacha', count);
    return { function: 'cipher.chacha20', input: { key, counter, nonce, text } };
  });
  const subkeys = [1, 2, 3, 4].map((i) => {
    const input = { key: bytesOf(`hkey-${i}`, 32), nonce: bytesOf(`hnonce-${i}`, 16) };
    return { function: 'cipher.hchacha20', input };
  });
  return [...aes, ...chacha, ...subkeys];
}

function sealed(): Question[] {
  return [12, 24].flatMap((nonceBytes) =>
    LENGTHS.map((count, i) => ({
      function: 'cipher.seal',
      input: {
        key: bytesOf(`seal-${count}`, 32),
        nonce: bytesOf(`seal-nonce-${count}`, nonceBytes),
        associated: bytesOf('associated', LENGTHS.at(-1 - i) ?? 0),
        text: bytesOf('seal', count),
      },
    })),
  );
}

/** Sealed texts as they were answered, and each with one bit changed. */
export function openingsOf(answers: readonly Answered[]): Question[] {
  return answers.flatMap((answer, i) => {
    if (answer.function !== 'cipher.seal' || !('output' in answer)) return [];
    const { text: _, ...input } = answer.input;
    const bytes = Buffer.from(answer.output, 'hex');
    const spoilt = Buffer.from(bytes);
    spoilt[(i * 29) % spoilt.length]! ^= 1 << (i % 8);
    return [bytes, spoilt].map((one) => {
      return { function: 'cipher.open', input: { ...input, sealed: hexOf(one) } };
    });
  });
}

function curves(): Question[] {
  const many = Array.from({ length: 12 }, (_, i) => i);
  const products = many.map((i) => {
    const input = { secret: bytesOf(`x-${i}`, 32), public: bytesOf(`point-${i}`, 32) };
    return { function: 'curve.x25519', input };
  });
  const signatures = many.map((i) => {
    const input = { seed: bytesOf(`seed-${i}`, 32), message: bytesOf('message', i * 17) };
    return { function: 'curve.ed25519-sign', input };
  });
  const handshakes = [0, 1, 20, 300].map((count, i) => {
    const input = {
      prologue: bytesOf('prologue', count),
      initiator: bytesOf(`initiator-${i}`, 64),
      responder: bytesOf(`responder-${i}`, 64),
      first: bytesOf('first', count),
      second: bytesOf('second', 2 * count),
      third: bytesOf('third', 3 * count),
    };
    return { function: 'noise.xx', input };
  });
  return [...products, ...signatures, ...handshakes];
}

/** Signatures as they were answered, and each with one bit changed. */
export function verificationsOf(answers: readonly Answered[]): Question[] {
  return answers.flatMap((answer, i) => {
    if (answer.function !== 'curve.ed25519-sign' || !('output' in answer)) return [];
    const [key, signature] = [answer.output.slice(0, 64), answer.output.slice(64)];
    const spoilt = Buffer.from(signature, 'hex');
    spoilt[(i * 29) % 64]! ^= 1 << (i % 8);
    return [signature, hexOf(spoilt)].map((one) => {
      const input = { public: key, message: answer.input['message']!, signature: one };
      return { function: 'curve.ed25519-verify', input };
    });
  });
}

/** Those that need no answer of another one. */
export function firstQuestions(): Question[] {
  return [...hashes(), ...streams(), ...sealed(), ...curves()];
}
