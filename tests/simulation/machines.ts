/**
 * The engines and identities that a run has. A run has them for itself: in an engine that has been
 * used before, free entries lie in another order and timers at other places of the wheel, so that a
 * seed would not name everything that happens.
 */
import { CLIENT_IDENTITY, type TransferSizes } from '../../host-common/src/engine/configuration.ts';
import { Engine } from '../../host-common/src/engine/engine.ts';
import { Region } from '../../host-common/src/engine/generated/layout.ts';
import { TransferBlock } from '../../host-common/src/engine/generated/transfer.ts';
import { transferSizes } from '../../host-common/src/transfer/engine-transfer.ts';
import { type Identity, identityOf } from '../../host-common/src/transfer/identity.ts';
import { nobleX25519, type X25519Provider } from '../../host-common/src/transfer/x25519.ts';

/** When the first run begins: clocks may jump back, and do not come before 0. */
const FIRST_US = 1000e6;
/** Nodes of a run at the most. */
export const NODES_MAX = 5;
/** Pools of the engine, and their heads (assembly/core/transfer-memory.ts). */
const POOLS = 7;
const POOL_HEAD_BYTES = 64;
const POOL_TAKEN = 8;

export interface Machines {
  /** At least two. */
  engines: [Engine, Engine, ...Engine[]];
  identities: Identity[];
  x25519: X25519Provider;
  /** Virtual time at which a run begins; the engines' clocks do not go back. */
  startUs: number;
}

export interface MachineOptions {
  /** Pools that a run meets the end of. */
  tight?: boolean;
  /** Pools of any other sizes, of each node. */
  sizes?: TransferSizes[];
  x25519?: X25519Provider;
  /** [2] */
  nodes?: number;
}

/** Pools with room for everything, and pools that a run meets the end of. */
const ROOMY: TransferSizes = {
  sessions: 16,
  streams: 256,
  sentChunks: 256,
  keyChunks: 128,
  blocks: 512,
  ranges: 8192,
  messages: 128,
  events: 1024,
};
const TIGHT: TransferSizes = {
  sessions: 2,
  streams: 16,
  sentChunks: 6,
  keyChunks: 2,
  blocks: 48,
  ranges: 320,
  messages: 16,
  events: 64,
};

export function newEngine(module: WebAssembly.Module, sizes = ROOMY): Engine {
  const identity = { ...CLIENT_IDENTITY, hashKey: new Uint8Array(16) };
  return Engine.create({ module, sizes: transferSizes(sizes), identity });
}

export function newMachines(module: WebAssembly.Module, options: MachineOptions = {}): Machines {
  const { tight = false, x25519 = nobleX25519, nodes = 2 } = options;
  const engine = (node: number) =>
    newEngine(module, options.sizes?.[node] ?? (tight ? TIGHT : ROOMY));
  const engines: Machines['engines'] = [engine(0), engine(1)];
  while (engines.length < nodes) engines.push(engine(engines.length));
  return { engines, identities: identitiesFor(x25519), x25519, startUs: FIRST_US };
}

const identitiesOf = new Map<X25519Provider, Identity[]>();

/** The same for all runs: they take a while to make. */
function identitiesFor(x25519: X25519Provider): Identity[] {
  const known = identitiesOf.get(x25519);
  if (known) return known;
  const identities = Array.from({ length: NODES_MAX }, (_, i) => {
    return identityOf(new Uint8Array(32).fill(i + 1), x25519);
  });
  identitiesOf.set(x25519, identities);
  return identities;
}

/** Entries of each pool that are taken. */
export function taken(engine: Engine): number[] {
  const heads = engine.region(Region.TRANSFER) + TransferBlock.BYTES;
  return Array.from({ length: POOLS }, (_, pool) => {
    return engine.u32[(heads + pool * POOL_HEAD_BYTES + POOL_TAKEN) >>> 2] ?? 0;
  });
}
