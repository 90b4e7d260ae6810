/**
 * The decoders against independent ones, with random and with damaged messages: they never trap,
 * both builds say the same, and what they take means to others what it means to the engine. A
 * failure prints the seed (ANDVARI_SEED) and the message.
 */
import { isDeepStrictEqual } from 'node:util';
import { CLIENT_IDENTITY, CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { Region } from '@andvari/host-common/engine/generated/layout';
import { PeerBlock, PeerKind, PeerVerdict } from '@andvari/host-common/engine/generated/peer';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import type { WireVersion } from '@andvari/host-common/peer/messages';
import { beforeAll, describe, expect, it } from 'vitest';
import { damage } from '../ratatoskr/random-messages.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { encodeAgain, openCase } from './encode-again.ts';
import { CASES, type Case } from './messages.ts';
import { innerDecode, meaningOf, oracleDecode, oracleEncode } from './oracle.ts';
import { randomMessage, randomRequest, randomResponse } from './random-messages.ts';

const MESSAGES = process.env.ANDVARI_LONG ? 20_000 : 1000;
const MUTATIONS = process.env.ANDVARI_LONG ? 1_000_000 : 20_000;
const TIMEOUT_MS = 1_800_000;

/** The kinds and wires that are told apart. */
const KINDS: Pick<Case, 'kind' | 'wire'>[] = [
  { kind: 'request', wire: 1 },
  { kind: 'request', wire: 2 },
  { kind: 'request', wire: 3 },
  { kind: 'response', wire: 2 },
  { kind: 'direct' },
  { kind: 'broadcast' },
];
const NUMBERS = {
  request: PeerKind.REQUEST,
  response: PeerKind.RESPONSE,
  direct: PeerKind.DIRECT,
  broadcast: PeerKind.BROADCAST,
};
/** Refusals for which a strict decoder of CBOR has to refuse a document, too. */
const NO_CBOR = ['TRUNCATED', 'LENGTH', 'NON_MINIMAL', 'INDEFINITE', 'DUPLICATE_KEY', 'TRAILING'];
/** Verdicts without which the damage would be too tame. */
const FREQUENT = [...NO_CBOR, 'TYPE', 'RANGE', 'UTF8', 'MISSING_KEY', 'VARIANT', 'PEER_ID'];

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The shared build, without the codec. */
class SharedBuild {
  private readonly engine: Engine;

  constructor(module: WebAssembly.Module) {
    const sizes = { ...CLIENT_SIZES, peer: true };
    this.engine = Engine.create({ module, shared: true, sizes, identity: CLIENT_IDENTITY });
  }

  open(kind: Case['kind'], wire: WireVersion, message: Uint8Array): number {
    const { u8, exports } = this.engine;
    const at = this.engine.region(Region.PEER) + PeerBlock.IN;
    u8.set(message, at);
    // What lies behind a message must not matter.
    u8.fill(0xa5, at + message.length, at + message.length + 32);
    return exports.peerOpen(NUMBERS[kind], wire, message.length);
  }
}

describe('peer messages of independent encoders, and damaged ones', () => {
  let codec: PeerCodec;
  let shared: SharedBuild;
  const seed = seedOfRun();
  beforeAll(async () => {
    codec = PeerCodec.create({ module: await plainEngine() });
    shared = new SharedBuild(await sharedEngine());
  });

  const made = (random: (below: number) => number, { kind, wire = 2 }: (typeof KINDS)[number]) => {
    if (kind === 'request') return oracleEncode(randomRequest(random, wire));
    if (kind === 'response') return oracleEncode(randomResponse(random, wire));
    return codec.encodeMessage(randomMessage(random), 'direct');
  };

  it.each(KINDS)('$kind on wire $wire: read as meant, written to the same bytes', (one) => {
    const random = randomFrom(seed);
    for (let i = 0; i < MESSAGES; i++) {
      const bytes = made(random, one);
      const where = `ANDVARI_SEED=${seed}, message ${i}: ${hex(bytes)}`;
      const opened = openCase(codec, one, bytes);
      expect(opened, where).toMatchObject({ ok: true });
      expect(shared.open(one.kind, one.wire ?? 2, bytes), where).toBe(PeerVerdict.OK);
      expect(isDeepStrictEqual(contentOf(opened), meaning(one, bytes)), where).toBe(true);
      const again = encodeAgain(codec, one, opened);
      expect(hex(again), where).toBe(hex(bytes));
    }
  });

  it(`${MUTATIONS} damaged ones`, { timeout: TIMEOUT_MS }, () => {
    const random = randomFrom(seed + 1);
    const corpora = KINDS.map((one) => {
      const given = CASES.filter(
        ({ kind, wire = 2 }) => kind === one.kind && wire === (one.wire ?? 2),
      );
      const own = Array.from({ length: 200 }, () => made(random, one));
      return [...own, ...given.map(({ bytes }) => Buffer.from(bytes, 'hex'))];
    });
    const seen = new Set<string>();
    let accepted = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const index = random(KINDS.length);
      const one = KINDS[index] ?? { kind: 'direct' };
      const corpus = corpora[index] ?? [];
      const pick = () => corpus[random(corpus.length)] ?? new Uint8Array(0);
      const bytes = damage(random, pick(), pick());
      const reason = judge(one, bytes, () => `ANDVARI_SEED=${seed}, mutation ${i}: ${hex(bytes)}`);
      seen.add(reason);
      if (reason === 'ok') accepted++;
    }
    expect(accepted).toBeGreaterThan(MUTATIONS / 50);
    for (const reason of FREQUENT) expect(seen, `ANDVARI_SEED=${seed}`).toContain(reason);
  });

  function judge(one: (typeof KINDS)[number], bytes: Uint8Array, where: () => string): string {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${where()}`);
    };
    const whole = one;
    const opened = openCase(codec, whole, bytes);
    const reason = opened.ok ? 'OK' : opened.reason;
    if (shared.open(one.kind, one.wire ?? 2, bytes) !== PeerVerdict[reason as 'OK']) {
      fail('the builds differ');
    }
    let wanted: unknown;
    try {
      wanted = meaning(one, bytes);
    } catch (error) {
      return opened.ok ? fail(`the oracle refuses it (${error})`) : opened.reason;
    }
    if (!opened.ok) {
      const isInner = one.kind === 'direct' || one.kind === 'broadcast';
      if (isInner || NO_CBOR.includes(opened.reason)) fail(`${opened.reason}, the oracle takes it`);
      return opened.reason;
    }
    if (!isDeepStrictEqual(contentOf(opened), wanted)) fail('another meaning');
    const again = encodeAgain(codec, whole, opened);
    if (!isDeepStrictEqual(openCase(codec, whole, again), opened))
      fail('another one, encoded again');
    return 'ok';
  }
});

function contentOf(opened: ReturnType<typeof openCase>): unknown {
  if (!opened.ok) return undefined;
  if ('message' in opened) return opened.message;
  const content = 'request' in opened ? opened.request : opened.response;
  // cborg loses the byte order mark that a text begins with; ours is compared byte by byte when it
  // is written again.
  const texts = Object.entries(content).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.replace(/^\ufeff/, '') : value,
  ]);
  return Object.fromEntries(texts);
}

/** What an independent decoder says it means; throws for what that refuses. */
function meaning({ kind, wire = 2 }: (typeof KINDS)[number], bytes: Uint8Array): unknown {
  if (kind === 'direct' || kind === 'broadcast') return innerDecode(bytes);
  const document = oracleDecode(bytes);
  try {
    return meaningOf(document, kind, wire);
  } catch {
    // A document, but no message: only the decoder's own refusals are compared.
    return undefined;
  }
}
