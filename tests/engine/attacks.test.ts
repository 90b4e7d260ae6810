/**
 * Thefts from one engine: coins that change while a fix collects votes, and key records (4/45)
 * forged without any AN. What the honest do in the same place still works.
 */
import { createHash } from 'node:crypto';
import { Folder } from '@andvari/host-common/engine/generated/layout';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseReply } from '../twin/twin-reply.ts';
import {
  buildRequest,
  ctr,
  makeChallenge,
  requestCounter,
  TRAILER,
  type TwinEncryption,
  type TwinRequest,
  type TwinWire,
  xor,
} from '../twin/twin-wire.ts';
import { COMMAND, type CommandName } from './commands.ts';
import { Harness } from './harness.ts';
import { anOf, COIN_ID, cachedPageOf, coin, joined, newAn, PAGES, RAIDA_ID, Rig } from './rig.ts';
import { World } from './world.ts';

describe('while a fix collects votes', () => {
  const NAME = coin(1, 5);
  const OTHER = coin(1, 6);
  let rig: Rig;
  beforeEach(async () => {
    const world = new World();
    world.servers = () => ({ status: Status.SUCCESS, coins: joined(NAME, OTHER) });
    const sizes = { replyFrames: 8 };
    rig = await Rig.make({ shared: false, sizes, world, holdEffects: true });
  });

  /** Begins a fix of both coins, for which all others will vote; gives its peer. */
  function begin(generator: number): number {
    const tickets = new Uint8Array(100).fill(1);
    const payload = joined(NAME, OTHER, newAn(generator), tickets);
    const peer = rig.send(rig.seal('fix', payload));
    rig.server.settleCommitted();
    expect(rig.server.effects.length).toBeGreaterThan(0);
    return peer;
  }
  /** The votes are there; replies of the fixes. */
  function end() {
    rig.server.finish();
    rig.server.settleCommitted();
    const replies = rig.replies();
    return (peer: number) => {
      const { status, payload } = replies.get(peer) ?? {};
      return [status, ...(payload ?? [])];
    };
  }
  function fixedAn(name: Uint8Array, generator: number): Uint8Array {
    const text = joined(Uint8Array.of(RAIDA_ID), name, newAn(generator));
    return new Uint8Array(createHash('md5').update(text).digest());
  }
  const detect = (serial: number, an: Uint8Array) => rig.ask('detect', coin(1, serial, an)).status;

  it('nobody comes: the coins are fixed', () => {
    const fix = begin(9);
    expect(end()(fix)).toEqual([Status.ALL_PASS]);
    expect(detect(5, fixedAn(NAME, 9))).toBe(Status.ALL_PASS);
    expect(detect(6, fixedAn(OTHER, 9))).toBe(Status.ALL_PASS);
  });

  it('a coin changes hands: its new owner keeps it, and the other coin is fixed', () => {
    const fix = begin(9);
    const pown = rig.ask('pown', coin(1, 5, anOf(1, 5), newAn(3)));
    expect(pown.status).toBe(Status.ALL_PASS);
    expect(end()(fix)).toEqual([Status.MIXED, 0b10]);
    expect(detect(5, newAn(3))).toBe(Status.ALL_PASS);
    expect(detect(5, fixedAn(NAME, 9))).toBe(Status.ALL_FAIL);
    expect(detect(6, fixedAn(OTHER, 9))).toBe(Status.ALL_PASS);
  });

  it('this server gives a ticket for a coin itself: it stays as it is', () => {
    const fix = begin(9);
    expect(rig.ask('getTicket', coin(1, 6, anOf(1, 6))).status).toBe(Status.ALL_PASS);
    expect(end()(fix)).toEqual([Status.MIXED, 0b01]);
    expect(detect(6, anOf(1, 6))).toBe(Status.ALL_PASS);
    expect(detect(6, fixedAn(OTHER, 9))).toBe(Status.ALL_FAIL);
  });

  it('another fix comes: the first that ends counts, the same one twice is good twice', () => {
    const [one, two, again] = [begin(9), begin(8), begin(9)];
    const replyTo = end();
    expect([one, two, again].map(replyTo)).toEqual([
      [Status.ALL_PASS],
      [Status.ALL_FAIL],
      [Status.ALL_PASS],
    ]);
    expect(detect(5, fixedAn(NAME, 9))).toBe(Status.ALL_PASS);
    expect(detect(5, fixedAn(NAME, 8))).toBe(Status.ALL_FAIL);
  });
});

describe('key records (4/45)', () => {
  const VICTIM = { denomination: 0, serialNumber: 150 };
  const NAME = coin(0, 150);
  /** The encryption coin, and what it has on other servers. */
  const SEALER = coin(0, 100);
  const SERVER = 3;
  const FILE_AN = newAn(0x33);
  const NONCE = Buffer.from('a1a2a3a4a5a6e1e2', 'hex');
  const MINE = newAn(0x66);

  async function start(wire: TwinWire, openKeyRecords: boolean): Promise<Harness> {
    const world = new World();
    const file = new Uint8Array(440);
    file[3] = COIN_ID;
    file.set(FILE_AN, 40 + 16 * SERVER);
    file.set(anOf(0, 100), 40 + 16 * RAIDA_ID);
    world.put(Folder.COINS, '00.100.bin', file);
    return new Harness({
      ...{ module: await plainEngine(), pages: cachedPageOf, world },
      sizes: { pagesPerDenomination: PAGES },
      identity: {
        ...{ raidaId: RAIDA_ID, coinId: COIN_ID, wire, modern: true, version: '20261121' },
        openKeyRecords,
      },
    });
  }

  function send(server: Harness, bytes: Uint8Array): Uint8Array {
    const reply = server.ask(bytes);
    if (!reply) throw new Error('silence');
    return reply;
  }
  const requestOf = (command: CommandName, more: Partial<TwinRequest>): TwinRequest => {
    const [group, number] = COMMAND[command];
    return { raidaId: RAIDA_ID, group, command: number, payload: NAME, ...more };
  };
  function owned(server: Harness, wire: TwinWire, an: Uint8Array): number | undefined {
    const payload = joined(NAME, an);
    return send(server, buildRequest(wire, requestOf('detect', { payload })).bytes)[2];
  }
  const record = (split: number, raidaId: number, key: Uint8Array) =>
    joined(SEALER, Uint8Array.of(0, COIN_ID, split, raidaId, 0), NAME, key);
  const plainOf = (half: Uint8Array) => joined(half, NAME, Uint8Array.of(0, 0, 0xff));

  /**
   * The thief knows no AN. The reply to a request without a body shows the key stream of the
   * victim's AN, which encrypts requests with the same nonce in legacy. Gives what 4/45 says.
   */
  function forge(server: Harness): number[] {
    const clear = body(send(server, buildRequest('legacy', requestOf('audit', {})).bytes));
    const encryption = { type: 1, ...VICTIM, key: newAn(0) } as const;
    const sealed = (command: CommandName, more: Partial<TwinRequest>) =>
      buildRequest('legacy', requestOf(command, { encryption, nonce: NONCE, ...more }));
    const stream = () => xor(body(send(server, sealed('audit', { noBody: true }).bytes)), clear);
    const say = (command: CommandName, payload: Uint8Array) => {
      const victims = stream();
      const { header } = sealed(command, { payload });
      const text = Buffer.concat([makeChallenge(Buffer.alloc(12, 7)), payload]);
      const bytes = Buffer.concat([header, xor(text, victims), TRAILER]);
      const reply = send(server, bytes);
      return { status: reply[2], payload: xor(body(reply), victims) };
    };
    // The key stream of the encryption coin's AN: a half of zeros that the server seals.
    const asked = say('encryptKey', joined(SEALER, new Uint8Array(8)));
    expect(asked.status).toBe(Status.OK);
    const known = joined(new Uint8Array(8), SEALER, Uint8Array.of(0, 0, 0xff));
    const sealers = xor(asked.payload, known);
    return [0, 1].map((split) => {
      const key = xor(plainOf(MINE.subarray(8 * split, 8 * split + 8)), sealers);
      const { status, payload } = say('decryptKey', record(split, RAIDA_ID, key));
      expect(status).toBe(Status.SUCCESS);
      return payload[0] ?? -1;
    });
  }
  const body = (reply: Uint8Array) => Buffer.from(reply.subarray(32, -2));

  it('forged in legacy from key streams take nothing', async () => {
    const server = await start('legacy', false);
    expect(forge(server)).toEqual([0, 0]);
    expect(owned(server, 'legacy', anOf(0, 150))).toBe(Status.ALL_PASS);
    expect(owned(server, 'legacy', MINE)).toBe(Status.ALL_FAIL);
  });

  it('forged so are right, where an operator takes them from anybody', async () => {
    const server = await start('legacy', true);
    expect(forge(server)).toEqual([1, 1]);
    expect(owned(server, 'legacy', MINE)).toBe(Status.ALL_PASS);
  });

  const key = anOf(0, 150);
  const four: TwinEncryption = { type: 4, ...VICTIM, key };
  const five: TwinEncryption = {
    ...{ type: 5, denomination: 0, serialNumber: 151, key: anOf(0, 151) },
    ...{ denomination2: 0, serialNumber2: 150, key2: key },
  };
  const stranger: TwinEncryption = { type: 4, ...VICTIM, serialNumber: 151, key: anOf(0, 151) };
  it.each<[string, TwinWire, TwinEncryption, number]>([
    ['wire spec, type 1', 'spec', { type: 1, ...VICTIM, key }, 1],
    ['wire legacy, type 1', 'legacy', { type: 1, ...VICTIM, key }, 0],
    ['wire spec, type 4', 'spec', four, 1],
    ['wire legacy, type 4', 'legacy', four, 1],
    ['wire legacy, type 5', 'legacy', five, 1],
    ['wire legacy, another coin', 'legacy', stranger, 0],
    ['wire spec, in clear', 'spec', { type: 0 }, 0],
  ])('of the owner, %s', async (_, wire, encryption, wanted) => {
    const server = await start(wire, false);
    const nonce = encryption.type < 4 ? NONCE : Buffer.alloc(24, 0x5c);
    const sealed = (payload: Uint8Array) =>
      buildRequest(wire, requestOf('decryptKey', { encryption, nonce, payload }));
    // The counter block holds the size: it is read off a request that is as long.
    const { header } = sealed(record(0, SERVER, newAn(0)));
    const counter = encryption.type === 0 ? newAn(0) : requestCounter(wire, header);
    const half = ctr(FILE_AN, counter, plainOf(MINE.subarray(0, 8)));
    const sent = sealed(record(0, SERVER, half));
    const reply = parseReply(wire, RAIDA_ID, sent, send(server, sent.bytes));
    expect([reply.status, ...reply.payload]).toEqual([Status.SUCCESS, wanted]);
    const changed = joined(MINE.subarray(0, 8), anOf(0, 150).subarray(8));
    const an = wanted === 1 ? changed : anOf(0, 150);
    expect(owned(server, wire, an)).toBe(Status.ALL_PASS);
  });
});
