/**
 * The calling side of a handshake, for the conformance suite (reference: transfer, section 2):
 * Noise XX by `node:crypto`, so that what a server is measured by does not come from our own.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';

const { Fp } = ed25519.Point;
/** v^2 = u^3 + A u^2 + u. */
const A = 486662n;
const TAG_BYTES = 16;
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const BASE = Buffer.alloc(32);
BASE[0] = 9;

/** X25519. Throws for points whose product is zero. */
export function dh(secret: Buffer, theirs: Buffer): Buffer {
  const privateKey = createPrivateKey({
    ...{ key: Buffer.concat([PKCS8_PREFIX, secret]), format: 'der', type: 'pkcs8' },
  });
  const publicKey = createPublicKey({
    ...{ key: Buffer.concat([SPKI_PREFIX, theirs]), format: 'der', type: 'spki' },
  });
  return diffieHellman({ privateKey, publicKey });
}

export function publicOf(secret: Buffer): Buffer {
  return dh(secret, BASE);
}

/** The u-coordinate that a representative stands for; its two top bits say nothing. */
export function decodeRepresentative(representative: Buffer): Buffer {
  const bytes = Buffer.from(representative);
  bytes[31]! &= 0x3f;
  const r = Fp.create(BigInt(`0x${bytes.reverse().toString('hex')}`));
  const w = Fp.div(Fp.neg(A), Fp.add(1n, Fp.mul(2n, Fp.sqr(r))));
  const v = Fp.add(Fp.add(Fp.mul(Fp.sqr(w), w), Fp.mul(A, Fp.sqr(w))), w);
  const isSquare = Fp.is0(v) || Fp.eql(Fp.pow(v, (Fp.ORDER - 1n) / 2n), 1n);
  return Buffer.from(Fp.toBytes(isSquare ? w : Fp.sub(Fp.neg(w), A)));
}

/** A representative of u; undefined: it has none. */
function representativeOf(publicKey: Buffer): Buffer | undefined {
  const u = Fp.fromBytes(publicKey);
  const square = Fp.div(Fp.neg(u), Fp.mul(2n, Fp.add(u, A)));
  try {
    const root = Fp.sqrt(square);
    const least = root > (Fp.ORDER - 1n) / 2n ? Fp.neg(root) : root;
    return Buffer.from(Fp.toBytes(least));
  } catch {
    return undefined;
  }
}

export interface Ephemeral {
  secret: Buffer;
  publicKey: Buffer;
  representative: Buffer;
}

/** `random` gives 32 new bytes. */
export function drawEphemeral(random: () => Buffer): Ephemeral {
  for (;;) {
    const secret = random();
    const publicKey = publicOf(secret);
    const representative = representativeOf(publicKey);
    if (representative) return { secret, publicKey, representative };
  }
}

const hash = (...parts: Uint8Array[]) =>
  createHash('blake2s256').update(Buffer.concat(parts)).digest();
const hmac = (key: Uint8Array, ...parts: Uint8Array[]) =>
  createHmac('blake2s256', key).update(Buffer.concat(parts)).digest();

/** The initiator of Noise_XX_25519_ChaChaPoly_BLAKE2s. */
export class NoiseInitiator {
  readonly #ephemeral: Ephemeral;
  #h = hash(Buffer.from('Noise_XX_25519_ChaChaPoly_BLAKE2s'));
  #ck = this.#h;
  #key: Buffer | undefined;
  #n = 0;
  #theirEphemeral = Buffer.alloc(32) as Buffer;

  constructor(prologue: Buffer, ephemeral: Ephemeral) {
    this.#ephemeral = ephemeral;
    this.#mixHash(prologue);
  }

  writeFirst(payload: Buffer): void {
    this.#mixHash(this.#ephemeral.publicKey);
    this.#mixHash(payload);
  }

  /** Static key and payload of message 2; undefined: a tag is wrong. */
  readSecond(theirEphemeral: Buffer, body: Buffer) {
    this.#theirEphemeral = theirEphemeral;
    this.#mixHash(theirEphemeral);
    this.#mixKey(dh(this.#ephemeral.secret, theirEphemeral));
    const theirStatic = this.#open(body.subarray(0, 48));
    if (!theirStatic) return undefined;
    this.#mixKey(dh(this.#ephemeral.secret, theirStatic));
    const payload = this.#open(body.subarray(48));
    return payload && { theirStatic, payload };
  }

  writeThird(secret: Buffer, payload: Buffer): Buffer {
    const own = this.#seal(publicOf(secret));
    this.#mixKey(dh(secret, this.#theirEphemeral));
    return Buffer.concat([own, this.#seal(payload)]);
  }

  #mixHash(data: Buffer): void {
    this.#h = hash(this.#h, data);
  }

  #mixKey(input: Buffer): void {
    const temporary = hmac(this.#ck, input);
    this.#ck = hmac(temporary, Buffer.of(1));
    this.#key = hmac(temporary, this.#ck, Buffer.of(2));
    this.#n = 0;
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32LE(this.#n++, 4);
    return nonce;
  }

  #seal(text: Buffer): Buffer {
    const options = { authTagLength: TAG_BYTES };
    const cipher = createCipheriv('chacha20-poly1305', this.#key!, this.#nonce(), options);
    cipher.setAAD(this.#h, { plaintextLength: text.length });
    const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    this.#mixHash(sealed);
    return sealed;
  }

  #open(sealed: Buffer): Buffer | undefined {
    const options = { authTagLength: TAG_BYTES };
    const cipher = createDecipheriv('chacha20-poly1305', this.#key!, this.#nonce(), options);
    const text = sealed.subarray(0, -TAG_BYTES);
    cipher.setAAD(this.#h, { plaintextLength: text.length });
    cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const opened = Buffer.concat([cipher.update(text), cipher.final()]);
      this.#mixHash(sealed);
      return opened;
    } catch {
      return undefined;
    }
  }
}
