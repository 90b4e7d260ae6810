/**
 * Look-ups in a DHT of 20 nodes on loopback, all in this process, so that CPU of the nodes is in
 * the time: until the first who has the file is known, and until it is known that nobody has it;
 * then with five of the 20 lying beside the key, one of them silent.
 */
import { GroupKeys } from '@andvari/host-common/discovery/group-keys';
import { hostRandom, joined } from '@andvari/host-common/transfer/byte-strings';
import { holder, LocalDht } from '../discovery/dht-nodes.ts';
import { type Liar, startLiar } from '../discovery/lying-nodes.ts';

const NODES = 20;
const LIARS = 5;
const LOOKUPS = 100;
const FEW_LOOKUPS = 20;

export interface DiscoveryRow {
  name: string;
  p50Ms: number;
  p99Ms: number;
  /** Of user and system, for each. */
  cpuMs: number;
}

export async function benchDiscovery(): Promise<DiscoveryRow[]> {
  const honest = await LocalDht.start(NODES);
  const rows = [await foundRow(honest, hostRandom(32), hostRandom(32), ''), await lostRow(honest)];
  await honest.stop();

  const dht = await LocalDht.start(NODES - LIARS);
  const [secret, hash] = [hostRandom(32), hostRandom(32)];
  const liars = await startLiars(dht, new GroupKeys(secret).fileKey(hash));
  rows.push(await foundRow(dht, secret, hash, `, ${LIARS} of them lie beside the key`));
  await dht.stop();
  await Promise.all(liars.map((liar) => liar.stop()));
  return rows;
}

async function foundRow(dht: LocalDht, secret: Uint8Array, hash: Uint8Array, how: string) {
  const announcing = await dht.addMember(secret);
  await announcing.announceFile(hash, holder(1));
  const seeker = await dht.addMember(secret);
  return measured(`a file found in ${NODES} nodes${how}`, LOOKUPS, async () => {
    const found = await seeker.searchFile(hash, { enough: 1 });
    if (found.length !== 1) throw new Error('a look-up has found nobody');
  });
}

async function lostRow(dht: LocalDht) {
  const seeker = await dht.addMember(hostRandom(32));
  return measured(`a file that nobody has in ${NODES} nodes`, FEW_LOOKUPS, async () => {
    const found = await seeker.searchFile(hostRandom(32));
    if (found.length > 0) throw new Error('a look-up has found what there is not');
  });
}

function startLiars({ bootstrap }: LocalDht, key: Uint8Array): Promise<Liar[]> {
  const value = () => joined(Uint8Array.of(560 >> 8, 560 & 255), hostRandom(560));
  const rubbish = joined(Uint8Array.of(0), ...Array.from({ length: 32 }, value));
  const silent = { answer: () => undefined };
  const lying = { answer: () => rubbish, lures: 20 };
  const all = [silent, ...Array.from({ length: LIARS - 1 }, () => lying)];
  return Promise.all(all.map((liar) => startLiar({ ...liar, bootstrap, key })));
}

async function measured(
  name: string,
  count: number,
  lookUp: () => Promise<void>,
): Promise<DiscoveryRow> {
  // The first one meets the nodes.
  await lookUp();
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const startMs = performance.now();
    await lookUp();
    times.push(performance.now() - startMs);
  }
  const { user, system } = process.cpuUsage(before);
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  return { name, p50Ms: at(0.5), p99Ms: at(0.99), cpuMs: (user + system) / 1000 / count };
}
