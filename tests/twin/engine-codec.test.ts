/**
 * The engine's client half against the readable twin: requests that the engine seals are understood
 * by the twin, and the engine opens (or refuses) what the twin answers. Also the whole client and a
 * change of ownership on top of it.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Status } from '../../host-common/src/engine/generated/status.ts';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { encryptWith, RaidaClient } from '../../host-common/src/raida/client.ts';
import { type Encryption, EngineCodec, ReplyError } from '../../host-common/src/raida/codec.ts';
import { Wallet } from '../../host-common/src/raida/wallet.ts';
import { MemoryWalletStore } from '../../host-common/src/raida/wallet-store.ts';
import { TwinNetwork } from './twin-network.ts';
import { vectorAn, vectorKeys } from './vector-state.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const RAIDA = 7;
const first = { denomination: 0, serialNumber: 100 };
const second = { denomination: 1, serialNumber: 77 };
const an = (coin: typeof first) => new Uint8Array(vectorAn(RAIDA, coin));
const locker = new Uint8Array(16).fill(0xab, 0, 12).fill(0xff, 12);
const encryptions: (Encryption | undefined)[] = [
  undefined,
  { type: 1, ...first, key: an(first) },
  { type: 2, key: locker },
  { type: 4, ...first, key: an(first) },
  {
    type: 5,
    ...first,
    key: an(first),
    denomination2: second.denomination,
    serialNumber2: second.serialNumber,
    key2: an(second),
  },
];
const anyEncryption = fc.constantFrom(...encryptions);

function setUp(wire: 'spec' | 'legacy') {
  const network = new TwinNetwork({ wire, modern: true, lockers: [locker] });
  return { network, codec: new EngineCodec(module, { wire, coinId: 6 }) };
}

/** A detect of n coins, the odd ones with wrong ANs, as payload. */
function detectPayload(count: number): Uint8Array {
  const payload = new Uint8Array(count * 21);
  for (let index = 0; index < count; index++) {
    const coin = { denomination: 2, serialNumber: index };
    payload[index * 21] = 2;
    payload[index * 21 + 4] = index;
    if (index % 2 === 0) payload.set(an(coin), index * 21 + 5);
  }
  return payload;
}

describe.each(['spec', 'legacy'] as const)('%s wire', (wire) => {
  test('requests and replies of every type and size', () => {
    const { network, codec } = setUp(wire);
    fc.assert(
      fc.property(anyEncryption, fc.integer({ min: 1, max: 120 }), (encryption, count) => {
        const call = { raidaId: RAIDA, group: 1, command: 10, payload: detectPayload(count) };
        const sealed = codec.seal(encryption ? { ...call, encryption } : call);
        const reply = network.server(RAIDA).answer(sealed.bytes, { executionUs: 77 });
        const opened = sealed.open(new Uint8Array(reply ?? []));
        expect(opened.executionUs).toBe(77);
        expect(opened.status).toBe(count === 1 ? Status.ALL_PASS : Status.MIXED);
        if (count === 1) return;
        const bits = Array.from({ length: count }, (_, i) => {
          return ((opened.payload[i >> 3] ?? 0) >> (i % 8)) & 1;
        });
        expect(bits).toEqual(bits.map((_, i) => (i % 2 === 0 ? 1 : 0)));
        sealed.dispose();
      }),
    );
  });

  test('a reply of another request, of another server, or cut, is refused', () => {
    const { network, codec } = setUp(wire);
    fc.assert(
      fc.property(anyEncryption, fc.nat(60), (encryption, length) => {
        const call = { raidaId: RAIDA, group: 0, command: 1, payload: new Uint8Array(0) };
        const request = encryption ? { ...call, encryption } : call;
        const [one, two] = [codec.seal(request), codec.seal(request)];
        const reply = new Uint8Array(network.server(RAIDA).answer(one.bytes) ?? []);
        expect(() => one.open(reply.subarray(0, Math.min(length, reply.length - 1)))).toThrow(
          ReplyError,
        );
        if (one.echo !== two.echo) expect(() => two.open(reply)).toThrow(ReplyError);
        const foreign = reply.slice();
        foreign[0] = 8;
        expect(() => one.open(foreign)).toThrow(ReplyError);
        expect(one.open(reply).status).toBe(Status.SUCCESS);
        one.dispose();
        expect(() => one.open(reply)).toThrow(ReplyError);
      }),
    );
  });

  test('changed bits are refused, or change what is in clear', () => {
    const { network, codec } = setUp(wire);
    const place = fc.nat(80);
    fc.assert(
      fc.property(
        anyEncryption,
        place,
        fc.integer({ min: 1, max: 255 }),
        (encryption, at, flip) => {
          const call = { raidaId: RAIDA, group: 0, command: 1, payload: new Uint8Array(0) };
          const sealed = codec.seal(encryption ? { ...call, encryption } : call);
          const reply = new Uint8Array(network.server(RAIDA).answer(sealed.bytes) ?? []);
          if (at >= reply.length) return;
          reply[at] = (reply[at] ?? 0) ^ flip;
          try {
            expect(sealed.open(reply).payload.length).toBe(8);
          } catch (error) {
            expect(error).toBeInstanceOf(ReplyError);
          }
        },
      ),
    );
  });

  test('the client and a wallet on top', async () => {
    const { network, codec } = setUp(wire);
    const key = { ...first, authenticationNumbers: vectorKeys(first) };
    const encryption = encryptWith(key);
    const client = new RaidaClient({ codec, transport: network, encryption });
    const versions = await client.version();
    expect(versions.every(({ status }) => status === 'pass')).toBe(true);
    const wallet = await Wallet.open({ store: new MemoryWalletStore(), client });
    const coins = Array.from({ length: 70 }, (_, serialNumber) => {
      const coin = { denomination: -2, serialNumber };
      return { ...coin, authenticationNumbers: vectorKeys(coin) };
    });
    await wallet.importCoins({ coins });
    network.fault = (raidaId) => (raidaId === 3 ? 'unanswered' : undefined);
    await wallet.takeOwnership(wallet.coins().map(({ id }) => id));
    network.fault = () => undefined;
    expect(await wallet.resolvePending()).toHaveLength(70);
    expect(wallet.coins().every(({ owned, grade }) => owned && grade.passes === 25)).toBe(true);
  });
});
