/**
 * The engine's client side against the twin: what one seals the other reads, in both directions,
 * for every type and wire.
 */

import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import {
  type Encryption,
  EngineCodec,
  type RaidaRequest,
  ReplyError,
  RequestError,
} from '@andvari/host-common/raida/codec';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReply } from '../twin/twin-reply.ts';
import { readBody, readHeader } from '../twin/twin-request.ts';
import { cipherKey, type TwinWire } from '../twin/twin-wire.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const coin = { denomination: fc.integer({ min: -8, max: 6 }), serialNumber: fc.nat(0xffffff) };
const encryption: fc.Arbitrary<Encryption | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record({ type: fc.constantFrom(1 as const, 4 as const), ...coin, key: bytes(16) }),
  fc.record({ type: fc.constant(2 as const), key: bytes(16) }),
  fc.record({
    type: fc.constant(5 as const),
    ...coin,
    key: bytes(16),
    denomination2: coin.denomination,
    serialNumber2: coin.serialNumber,
    key2: bytes(16),
  }),
);
const request = fc.record({
  raidaId: fc.nat(24),
  group: fc.nat(15),
  command: fc.nat(255),
  shardId: fc.nat(3),
  payload: fc.uint8Array({ maxLength: 700 }),
  noBody: fc.boolean(),
  encryption,
});

type Drawn = Omit<RaidaRequest, 'encryption'> & { encryption: Encryption | undefined };

function requestOf({ encryption: key, ...drawn }: Drawn): RaidaRequest {
  const payload = drawn.noBody ? new Uint8Array(0) : drawn.payload;
  return { ...drawn, payload, ...(key ? { encryption: key } : {}) };
}

function keyOf(key: Encryption | undefined): Buffer {
  if (!key) return Buffer.alloc(0);
  return cipherKey(key.type, key.key, key.type === 5 ? key.key2 : undefined);
}

/** What the twin makes of a sealed request. */
function readByTwin(wire: TwinWire, message: Uint8Array, key: Buffer) {
  const header = readHeader(Buffer.from(message));
  if (!header) throw new Error('no header');
  const body = Buffer.from(message).subarray(header.bytes.length);
  const empty = { status: Status.OK, payload: Buffer.alloc(0), challengeHash: Buffer.alloc(16) };
  return { header, body, read: body.length ? readBody(wire, header, body, key) : empty };
}

function replyByTwin(wire: TwinWire, sealed: Uint8Array, key: Buffer, payload: Uint8Array): Buffer {
  const { header, read } = readByTwin(wire, sealed, key);
  return buildReply({
    wire,
    raidaId: header.bytes[2] ?? 0,
    header: header.bytes,
    status: Status.SUCCESS,
    payload: Buffer.from(payload),
    key,
    challengeHash: read.challengeHash,
    executionUs: 77,
    anonymous: false,
    random: (count: number) => Buffer.alloc(count, 0x5b),
  });
}

describe.each(['spec', 'legacy'] as const)('wire %s', async (wire) => {
  const codec = new EngineCodec(await plainEngine(), { wire, coinId: 6 });

  it('the twin reads what the engine seals', () => {
    fc.assert(
      fc.property(request, (drawn) => {
        const plain = requestOf(drawn);
        const sealed = codec.seal(plain);
        const { header, body, read } = readByTwin(wire, sealed.bytes, keyOf(drawn.encryption));
        expect(read.status).toBe(Status.OK);
        expect([...read.payload]).toEqual([...plain.payload]);
        expect(body.length).toBe(header.bodyBytes);
        expect([header.group, header.command, header.shardId, header.type]).toEqual([
          plain.group,
          plain.command,
          plain.shardId,
          plain.encryption?.type ?? 0,
        ]);
        expect([...header.bytes.subarray(-2)]).toEqual([sealed.echo >> 8, sealed.echo & 255]);
      }),
    );
  });

  it('the engine opens what the twin answers, and nothing that was changed in its header', () => {
    const position = fc.nat(1_000_000);
    fc.assert(
      fc.property(request, fc.uint8Array({ maxLength: 300 }), position, (drawn, payload, at) => {
        const sealed = codec.seal(requestOf(drawn));
        const reply = replyByTwin(wire, sealed.bytes, keyOf(drawn.encryption), payload);
        const opened = sealed.open(reply);
        expect([...opened.payload]).toEqual([...payload]);
        expect([opened.status, opened.executionUs]).toEqual([Status.SUCCESS, 77]);
        for (const offset of [0, 3, 9, 10, 11]) expectRefused(sealed, changed(reply, offset));
        const modern = (drawn.encryption?.type ?? 0) >= 4;
        const echo = modern ? 46 : 6;
        for (const offset of [echo, echo + 1]) expectRefused(sealed, changed(reply, offset));
        if (modern && reply.length > 48) {
          expectRefused(sealed, changed(reply, 48 + (at % (reply.length - 48))));
        }
        expectRefused(sealed, reply.subarray(0, -1));
        expectRefused(sealed, Buffer.concat([reply, Buffer.alloc(1)]));
      }),
    );
  });

  it('a disposed request opens nothing', () => {
    const sealed = codec.seal({ raidaId: 1, group: 0, command: 0, payload: new Uint8Array(3) });
    const reply = replyByTwin(wire, sealed.bytes, Buffer.alloc(0), new Uint8Array(3));
    sealed.dispose();
    expectRefused(sealed, reply);
  });

  it('refuses what cannot be sealed', () => {
    const seal = (change: object) =>
      codec.seal({ raidaId: 0, group: 0, command: 0, payload: new Uint8Array(1), ...change });
    expect(() => seal({ noBody: true })).toThrow(RequestError);
    expect(() => seal({ payload: new Uint8Array(65535 - 17) })).toThrow(RequestError);
    expect(seal({ payload: new Uint8Array(65535 - 18) }).bytes.length).toBe(32 + 65535);
    expect(() => seal({ encryption: { type: 2, key: new Uint8Array(15) } })).toThrow(RequestError);
  });
});

function changed(reply: Buffer, offset: number): Buffer {
  const copy = Buffer.from(reply);
  copy[offset] = (copy[offset] ?? 0) ^ 0x10;
  return copy;
}

function expectRefused(sealed: { open(reply: Uint8Array): unknown }, reply: Uint8Array): void {
  expect(() => sealed.open(reply)).toThrow(ReplyError);
}

it('a legacy reply without the challenge is refused, but an early error is taken', async () => {
  const codec = new EngineCodec(await plainEngine(), { wire: 'legacy', coinId: 6 });
  const sealed = codec.seal({ raidaId: 0, group: 1, command: 10, payload: new Uint8Array(21) });
  const reply = replyByTwin('legacy', sealed.bytes, Buffer.alloc(0), new Uint8Array(0));
  expect(sealed.open(reply).status).toBe(Status.SUCCESS);
  reply.fill(0, 16, 32);
  expectRefused(sealed, reply);
  reply[2] = Status.INVALID_EOF;
  expect(sealed.open(reply).status).toBe(Status.INVALID_EOF);
  reply[2] = Status.INVALID_COMMAND;
  reply.fill(0, 3, 4);
  reply.fill(0, 6, 8);
  expect(sealed.open(reply).status).toBe(Status.INVALID_COMMAND);
});

it('a spec reply that reuses the nonce of the request, or has none, is refused', async () => {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const key = { type: 1 as const, denomination: 1, serialNumber: 5, key: new Uint8Array(16) };
  const payload = new Uint8Array(21);
  const sealed = codec.seal({ raidaId: 0, group: 0, command: 1, payload, encryption: key });
  const reply = replyByTwin('spec', sealed.bytes, keyOf(key), new Uint8Array(8));
  expect(sealed.open(reply).payload.length).toBe(8);
  expectRefused(
    sealed,
    Buffer.concat([reply.subarray(0, 16), sealed.bytes.subarray(20, 32), reply.subarray(28)]),
  );
  expectRefused(sealed, Buffer.from(reply).fill(0, 16, 28));
});
