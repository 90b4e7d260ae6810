/**
 * The world outside of an engine under fuzz: a few files, servers that vouch, a proxy that pays.
 */
import { Folder } from '@andvari/host-common/engine/generated/layout';
import type { Dice } from '../engine/twin-run.ts';
import { World } from '../engine/world.ts';
import { named } from './payloads.ts';

const text = (of: string) => new TextEncoder().encode(of);

export function fuzzWorld(dice: Dice, coinFile: Uint8Array): World {
  const world = new World();
  world.folders.add('sub');
  world.put(Folder.FOLDERS, 'hello.txt', text('hello raida'));
  world.put(Folder.FOLDERS, 'BTC', text('a private key of the operator'));
  world.put(Folder.ZONES, 'a.test.zone', text('# zone\nA 10.1.2.3 xx\nSRV 10.9.8.7:50001\n'));
  world.put(Folder.ZONES, 'b.test.zone', text('A 10.1.2 xx\nSRV 10.9.8.7:\n\n\nA 1.2.3.4 y'));
  world.put(Folder.COINS, '01.77.bin', coinFile);
  world.servers = (_, ticket) => {
    if (dice.roll(12) === 0) return undefined;
    if (dice.roll(12) === 0) return { status: 43, coins: new Uint8Array(0) };
    const serials = Array.from({ length: 20 }, (__, i) => 5 + ((i + ticket) % 24));
    const coins = serials.map((serialNumber) => named({ denomination: 0, serialNumber }));
    return { status: 250, coins: new Uint8Array(Buffer.concat(coins)) };
  };
  world.proxy = (_, content) => {
    if (dice.roll(8) === 0) return undefined;
    const reply = new Uint8Array(4 + 8 * dice.roll(5));
    reply[0] = dice.pick([250, 250, 250, 150, 183, 190]);
    reply.set(content.subarray(0, Math.max(0, reply.length - 4)), 4);
    return reply;
  };
  return world;
}
