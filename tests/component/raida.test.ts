// The interface raida of the component beside the raw engine: the same refusal for every recorded
// request, the same reply to the last byte, and requests sealed and replies opened alike.
import { raida } from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { describe, expect, it } from 'vitest';
import { Harness } from '../engine/harness.ts';
import { casesHere, replayWith, specCases } from '../engine/vector-cases.ts';
import {
  basePages,
  baseWorld,
  fromHex,
  IDENTITY,
  PAGES,
  toHex,
  vectorAn,
} from '../engine/vector-state.ts';
import { flagsOf, freshServer, replaySpec } from '../engine/vectors.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { faultOf } from './faults.ts';
import { caseOf, partsOf, type Server } from './raida-messages.ts';
import { RawClient, randomBytes, randomRequest } from './raw-client.ts';

const legacy: Server = { id: 14, coinId: 6, wire: 'legacy', modern: true };
const spec: Server = { ...legacy, wire: 'spec' };

/** The key of a request to the servers of the vectors, whose coins are known; [] of none. */
async function keyOf(request: Uint8Array): Promise<Uint8Array> {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  const an = (at: number) => vectorAn(view.getInt8(at), view.getUint32(at + 1));
  switch (request[16]) {
    case 1:
      return an(17);
    case 4:
      return an(19);
    case 5:
      return Uint8Array.from([...(await an(19)), ...(await an(24))]);
  }
  return new Uint8Array(0);
}

/** What the component makes of a request and of its recorded reply. */
async function expectSame(server: Server, request: Uint8Array, reply: Uint8Array | undefined) {
  const key = await keyOf(request);
  const fault = faultOf(() => raida.openRequest(server, key, request));
  if (!reply) {
    expect(fault).toEqual({ tag: 'silent' });
    return 'silent';
  }
  const { status, body, nonce, elapsed } = partsOf(server, request, key, reply);
  if (fault) expect(fault).toEqual({ tag: 'status', val: caseOf(status) });
  const built = raida.buildReply(server, key, request, status, body, nonce, elapsed);
  expect(toHex(built)).toBe(toHex(reply));
  return fault ? 'refused' : 'opened';
}

describe('recorded requests', () => {
  it('are refused as by the engine, and replies are built to the last byte', async () => {
    const seen = { silent: 0, refused: 0, opened: 0 };
    const [module, pages, world] = [await plainEngine(), await basePages(), await baseWorld()];
    for (const item of casesHere()) {
      // Without the tables of a store, which no check of a request looks at.
      const server = new Harness({
        module,
        sizes: { pagesPerDenomination: PAGES, journalRecords: 8192, frames: 64, ringEntries: 64 },
        identity: IDENTITY,
        pages: (denomination, page) => pages.get(`${denomination}/${page}`),
        world,
      });
      let request = new Uint8Array(0);
      const reply = await replayWith(item, async (bytes, transport) => {
        request = bytes.slice();
        return server.ask(bytes, flagsOf(transport));
      });
      // The key of a locker, or of a coin that there is not, is nowhere.
      if (request[16] === 2 || [25, 34].includes(reply?.[2] ?? 0)) continue;
      seen[await expectSame(legacy, request, reply)]++;
    }
    expect(seen.opened).toBeGreaterThan(50);
    expect(seen.refused).toBeGreaterThan(5);
  });

  it('of the specification too', async () => {
    for (const item of specCases()) {
      const outcome = await expectSame(spec, fromHex(item.request_hex), await replaySpec(item));
      expect(outcome, item.name).toBe('opened');
    }
  });
});

describe('headers', () => {
  it('with any byte changed are judged as by the engine', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const echo = fromHex(`01000e000000000600000000000001010000000000000012${'00'.repeat(6)}e1e2`);
    for (const server of [legacy, spec]) {
      const raw = await freshServer(server.wire);
      for (let n = 0; n < 150; n++) {
        const request = Uint8Array.from([...echo, ...new Uint8Array(random(30))]);
        request[random(24)] = random(4) ? random(8) : random(256);
        const reply = raw.ask(request.slice());
        const fault = faultOf(() => raida.validateHeader(server, request));
        const note = `seed ${seed}, ${toHex(request)}`;
        if (!reply) expect(fault, note).toEqual({ tag: 'silent' });
        else if (fault) expect(fault, note).toEqual({ tag: 'status', val: caseOf(reply[2] ?? 0) });
        else expect([1, 2, 3, 4, 5, 6, 7, 27, 255], note).not.toContain(reply[2]);
        const { exports, u8 } = raw.engine;
        const at = raw.engine.largeFrames.take();
        u8.set(request, at);
        const bytes = exports.requestLength(at, request.length);
        raw.engine.largeFrames.give(at);
        expect(raida.requestBytes(server, request), note).toBe(bytes);
      }
    }
  });

  it('tell what they say', () => {
    const header = '01000e00010a000600000000000001010101000008340012a1b2c3d4e5f6e1e2';
    expect(raida.validateHeader(spec, fromHex(header))).toEqual({
      group: 1,
      command: 10,
      shard: 0,
      encryption: 1,
      denomination: 1,
      serial: 2100,
      headerBytes: 32,
      bodyBytes: 18,
    });
  });
});

describe('a client', () => {
  it('seals and opens what the raw engine does, and refuses the same', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const raw = new RawClient(await plainEngine());
    const seen = new Set<unknown>();
    for (let n = 0; n < 400; n++) {
      const request = randomRequest(random);
      const reply = randomBytes(random, random(120));
      const wanted = raw.seal(request);
      const call = () => raida.sealRequest(request);
      const refused = faultOf(call);
      seen.add(refused);
      if (typeof wanted === 'number') expect(refused, `seed ${seed}`).toBe(caseOf(wanted));
      else expect(toHex(call()), `seed ${seed}`).toBe(toHex(wanted));
      const opened = faultOf(() => raida.openReply(request, reply));
      seen.add(opened);
      expect(opened, `seed ${seed}`).toBe(caseOf(raw.open(request, reply) as number));
    }
    expect(seen).toContain(undefined);
    expect(seen).toContain('request-invalid');
    expect(seen).toContain('reply-size');
  });

  it('reads the replies that the component builds, and no changed one', () => {
    const random = randomFrom(seedOfRun());
    for (let n = 0; n < 60; n++) {
      const request = { ...randomRequest(random), raidaId: 14, group: 0, command: 0, shard: 0 };
      const server: Server = { ...legacy, coinId: request.coinId, wire: request.wire };
      if (faultOf(() => raida.sealRequest(request)) || !request.hasBody) continue;
      const sealed = raida.sealRequest(request);
      const nonceBytes = sealed[16] && sealed[16] > 2 ? 24 : server.wire === 'spec' ? 12 : 0;
      const nonce = randomBytes(random, nonceBytes);
      const { key, payload } = request;
      expect(toHex(raida.openRequest(server, key, sealed))).toBe(toHex(payload));
      const reply = raida.buildReply(server, key, sealed, 250, payload, nonce, 77);
      const opened = raida.openReply(request, reply);
      expect(opened).toEqual({ status: 250, elapsed: 77, payload });
      expect(faultOf(() => raida.openReply(request, reply.subarray(1)))).toBeDefined();
    }
  });
});

it('names what an argument is not', () => {
  const type1 = fromHex('01000e000001000601000000000001010100000008340012a1b2c3d4e5f6e1e2');
  const of = (key: number, nonce: number, body: number) =>
    faultOf(() =>
      raida.buildReply(
        spec,
        new Uint8Array(key),
        type1,
        250,
        new Uint8Array(body),
        new Uint8Array(nonce),
        0,
      ),
    );
  expect(of(15, 12, 0)).toEqual({ tag: 'key-length' });
  expect(of(16, 24, 0)).toEqual({ tag: 'nonce-length' });
  expect(of(16, 12, 1 << 21)).toEqual({ tag: 'body-length' });
  expect(of(16, 12, 1)).toEqual({ tag: 'status', val: 'invalid-packet-length' });
  expect(of(16, 12, 0)).toBeUndefined();
  expect(faultOf(() => raida.validateHeader(spec, new Uint8Array(0)))).toEqual({ tag: 'silent' });
});
