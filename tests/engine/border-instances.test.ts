/** Two instances over one memory, interleaved by hand in one thread. */
import { Engine } from '@andvari/host-common/engine/engine';
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { sharedEngine } from '@andvari/host-common/engine/shared-module';
import { describe, expect, it } from 'vitest';
import { COMMAND, type CommandName } from './commands.ts';
import { Harness } from './harness.ts';
import { anOf, BUILDS, coin, joined, newAn, pageOf, Rig, statuses } from './rig.ts';

/** MFS of the harness's day, November 2026. */
const MFS_NOW = 45;
const IDENTITY = { raidaId: 14, coinId: 6, wire: 'spec', version: '20261121' } as const;
const KEY = { type: 1, denomination: 0, serialNumber: 100, key: anOf(0, 100) } as const;
/** (1, serial) with its AN and a PAN. */
const move = (serial: number, from: Uint8Array, to: Uint8Array) => coin(1, serial, from, to);

describe.each(BUILDS)('two instances over one memory, $build build', ({ shared }) => {
  it('a second instance changes no byte of live memory', async () => {
    const module = await (shared ? sharedEngine() : plainEngine());
    const first = smallEngine(module, shared);
    const { sizes, identity } = { sizes: { pagesPerDenomination: 1 }, identity: IDENTITY };
    const server = new Harness({ module, sizes, identity, pages: pageOf }, first);
    const rig = await Rig.make({ shared });
    server.ask(rig.seal('detect', coin(1, 5, anOf(1, 5)), KEY).bytes);
    expect(server.lastStatus).toBe(Status.ALL_PASS);
    const before = first.u8.slice();
    Engine.attach(module, first.memory, 1);
    expect(firstDifference(before, first.u8)).toBe(-1);
    // It was configured for two.
    expect(() => Engine.attach(module, first.memory, 2)).toThrow('INVALID_ARGUMENT');
    const configured = first.exports.configure();
    expect(configured).toBe(Status.WRONG_STATE);
  });

  it('every entry of the shared command table means the same in both', async () => {
    const rig = await Rig.make({ shared, workers: 2, wire: 'legacy' });
    const [other] = rig.others;
    if (!other) throw new Error('no second instance');
    rig.warm([1, 5]);
    const payloads: Partial<Record<CommandName, Uint8Array>> = {
      ...{ echo: newAn(0), version: newAn(0), audit: newAn(0) },
      detect: coin(1, 5, newAn(1)),
      detectSum: joined(coin(1, 5), newAn(1)),
      pown: coin(1, 5, newAn(1), newAn(2)),
      pownSum: joined(coin(1, 5), newAn(1), newAn(2)),
      getTicket: coin(1, 5, newAn(1)),
      validateTicket: Uint8Array.of(3, 0, 0, 0, 9),
      find: coin(1, 5, newAn(1), anOf(1, 5)),
    };
    for (const name of Object.keys(COMMAND) as CommandName[]) {
      const sealed = rig.seal(name, payloads[name]);
      const first = rig.send(sealed);
      const second = rig.send(sealed, other);
      rig.server.turn();
      other.turn();
      const reply = rig.replies().get(first);
      expect(rig.replies(other).get(second), name).toEqual(reply);
      expect(reply, name).toBeDefined();
    }
  });

  it('a load that one asked for serves the other; both change the same page', async () => {
    const rig = await Rig.make({ shared, workers: 2, holdLoads: true });
    const [other] = rig.others;
    if (!other) throw new Error('no second instance');
    rig.send(rig.seal('pown', move(5, anOf(1, 5), newAn(1))));
    rig.send(rig.seal('pown', move(5, newAn(1), newAn(2))), other);
    rig.server.turn();
    other.turn();
    expect([rig.server.pending.length, other.pending.length]).toEqual([1, 0]);
    rig.server.load();
    rig.server.turn();
    other.turn();
    rig.server.commit();
    rig.server.drain();
    other.drain();
    expect(statuses(rig.replies())).toEqual([Status.ALL_PASS]);
    expect(statuses(rig.replies(other))).toEqual([Status.ALL_PASS]);
    expect(rig.server.record(1, 5)).toEqual(joined(newAn(2), Uint8Array.of(MFS_NOW)));
  });
});

/** An engine for two instances, small enough to compare byte by byte. */
function smallEngine(module: WebAssembly.Module, shared: boolean): Engine {
  return Engine.create({
    ...{ module, shared },
    sizes: {
      ...{ pagesPerDenomination: 1, journalRecords: 8192, ringEntries: 16, workers: 2 },
      ...{ frames: 8, largeFrames: 1, replyFrames: 1, parkSlots: 4, tickets: 4 },
    },
    identity: IDENTITY,
  });
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}
