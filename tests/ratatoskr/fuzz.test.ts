/**
 * The decoder against damaged messages: it never traps, both builds say the same, and what it takes
 * means to an independent decoder what it means to the engine. A failure prints the seed
 * (ANDVARI_SEED) and the message.
 */

import { isDeepStrictEqual } from 'node:util';
import { MessageKind, Verdict } from '@andvari/host-common/engine/generated/ratatoskr';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { EngineMessages } from './engine-messages.ts';
import { oracleDecode, oracleEncode, type Values } from './oracle.ts';
import { damage, randomValues } from './random-messages.ts';
import { VECTORS } from './vectors.ts';

const MESSAGES = process.env.ANDVARI_LONG ? 20_000 : 500;
const MUTATIONS = process.env.ANDVARI_LONG ? 1_000_000 : 100_000;
const TIMEOUT_MS = 600_000;
const KINDS = Object.values(MessageKind);
/** Of the mutations, those that must at least be taken, or the damage is no test of that side. */
const ACCEPTED_LEAST = MUTATIONS / 50;

/** Verdicts without which the damage would be too tame. */
const FREQUENT = [
  Verdict.TRUNCATED,
  Verdict.VARINT_OVERFLOW,
  Verdict.NON_MINIMAL_VARINT,
  Verdict.LENGTH,
  Verdict.FIELD_NUMBER,
  Verdict.WIRE_TYPE,
  Verdict.DUPLICATE_FIELD,
  Verdict.UTF8,
  Verdict.MESSAGE_TYPE,
  Verdict.MISSING_FIELD,
  Verdict.SIGNATURE_LENGTH,
];

const numbers = ['timestamp', 'expires_at'];
const isDefault = ([name, value]: [string, unknown]) =>
  value === (numbers.includes(name) ? '0' : '') ||
  value === false ||
  (value instanceof Buffer && value.length === 0);

/** As encoders are given it: default values left out, map entries by their keys' bytes. */
function canonical(values: Values): Values {
  const entries = Object.entries(values).filter((entry) => !isDefault(entry));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === 'metadata' ? sorted(value as Values) : value]),
  );
}

function sorted(metadata: Values): Values {
  const byKey = ([a]: [string, unknown], [b]: [string, unknown]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Object.fromEntries(Object.entries(metadata).toSorted(byKey));
}

/** protobufjs writes an empty value in an entry of a map, and numbers as keys before all others. */
function isComparable({ metadata }: Values): boolean {
  const entries = Object.entries((metadata ?? {}) as Values);
  return entries.every(([key, value]) => value !== '' && !/^\d+$/.test(key));
}

const asText = (values: Values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      value instanceof Buffer ? value.toString('hex') : value,
    ]),
  );

describe('messages of an independent encoder', () => {
  it.each(KINDS)(
    'are read as they were meant, and written to the same bytes: kind %i',
    { timeout: TIMEOUT_MS },
    async (kind) => {
      const seed = seedOfRun();
      const random = randomFrom(seed + kind);
      const engine = await EngineMessages.plain();
      let compared = 0;
      for (let i = 0; i < MESSAGES; i++) {
        const values = randomValues(random, kind);
        const bytes = oracleEncode(kind, canonical(values));
        const where = `ANDVARI_SEED=${seed}, message ${i}: ${Buffer.from(bytes).toString('hex')}`;
        expect(engine.open(kind, bytes), where).toBe(Verdict.OK);
        expect(engine.values(kind), where).toEqual(asText(values));
        const own = engine.encode(kind);
        expect(oracleDecode(kind, own), where).toEqual(asText(values));
        if (!isComparable(values)) continue;
        compared++;
        expect(Buffer.from(own).toString('hex'), where).toBe(Buffer.from(bytes).toString('hex'));
      }
      expect(compared).toBeGreaterThan(MESSAGES / 10);
    },
  );
});

describe('damaged messages', () => {
  it(`${MUTATIONS} of them`, { timeout: TIMEOUT_MS }, async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const engines = [await EngineMessages.plain(), await EngineMessages.shared()] as const;
    const corpus = KINDS.map((kind) =>
      Array.from({ length: 200 }, () => oracleEncode(kind, canonical(randomValues(random, kind)))),
    );
    for (const { kind, bytes } of VECTORS) {
      corpus[kind === 'request' ? 0 : 1]?.push(Buffer.from(bytes, 'hex'));
    }
    let accepted = 0;
    const verdicts = new Set<number>();
    for (let i = 0; i < MUTATIONS; i++) {
      const kind = KINDS[random(4)] ?? 0;
      const messages = corpus[kind] ?? [];
      const pick = () => messages[random(messages.length)] ?? new Uint8Array(0);
      const bytes = damage(random, pick(), pick());
      const verdict = judge(engines, kind, bytes, () => `ANDVARI_SEED=${seed}, mutation ${i}`);
      verdicts.add(verdict);
      if (verdict === Verdict.OK) accepted++;
    }
    expect(accepted).toBeGreaterThan(ACCEPTED_LEAST);
    for (const verdict of FREQUENT) expect(verdicts, `ANDVARI_SEED=${seed}`).toContain(verdict);
  });
});

function judge(
  [plain, shared]: readonly [EngineMessages, EngineMessages],
  kind: number,
  bytes: Uint8Array,
  where: () => string,
): number {
  const fail = (what: string): never => {
    throw new Error(`${where()}: ${what}: ${Buffer.from(bytes).toString('hex')}`);
  };
  const verdict = plain.open(kind, bytes);
  if (shared.open(kind, bytes) !== verdict) fail('the builds differ');
  const isDecoded = verdict === Verdict.OK || verdict >= Verdict.MESSAGE_TYPE;
  if (!isDecoded) return verdict;
  let wanted: Values;
  try {
    wanted = oracleDecode(kind, bytes);
  } catch (error) {
    return fail(`the oracle refuses it (${error})`);
  }
  if (!isDeepStrictEqual(plain.values(kind), wanted)) fail('another meaning');
  if (verdict !== Verdict.OK) return verdict;
  const again = plain.encode(kind);
  if (Buffer.compare(again, shared.encode(kind)) !== 0) fail('the builds encode otherwise');
  if (!isDeepStrictEqual(oracleDecode(kind, again), wanted))
    fail('another meaning when encoded again');
  if (plain.open(kind, again) !== Verdict.OK) fail('not taken when encoded again');
  if (Buffer.compare(plain.encode(kind), again) !== 0) fail('encoded twice is not once');
  return verdict;
}
