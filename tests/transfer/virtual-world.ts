/**
 * Endpoints in virtual time: their clock goes on when whatever follows from an action has been
 * done, promises and web streams too. The network is the simulation's, with its faults.
 */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { DatagramTransport } from '@andvari/host-common/transfer/datagram-transport';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import type { EndpointClock } from '@andvari/host-common/transfer/endpoint-clock';
import type { EndpointOptions } from '@andvari/host-common/transfer/endpoint-options';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { type Identity, identityOf } from '@andvari/host-common/transfer/identity';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from '../simulation/clock.ts';
import { Network, simulatedAddress } from '../simulation/network.ts';

/** The calendar at the start: 2026. */
const WALL_US = 1_790_000_000_000_000;
const DATAGRAM_BYTES = 1472;
const PORT = 8420;
/** Actions of one moment that are no loop. */
const ACTIONS_MAX = 1000;

const identities = new Map<number, Identity>();

/** `places`: what the engine has room for. */
export type VirtualOptions = Pick<
  Partial<EndpointOptions>,
  'rekeySeconds' | 'x25519' | 'clock' | 'transport' | 'upgrade' | 'stealth' | 'idleMs' | 'threw'
> & {
  places?: Parameters<typeof transferSizes>[0];
};

export class VirtualWorld {
  readonly clock = new VirtualClock(1_000_000);
  readonly network: Network;
  /** Of the endpoints, in their order. */
  readonly engines: Engine[] = [];
  readonly below: (bound: number) => number;

  constructor(seed: number) {
    this.below = randomFrom(seed);
    this.network = new Network(this.clock, this.below);
  }

  identity(host: number): Identity {
    const identity = identities.get(host) ?? identityOf(new Uint8Array(32).fill(host), nodeX25519);
    identities.set(host, identity);
    return identity;
  }

  address(host: number): Uint8Array<ArrayBuffer> {
    return simulatedAddress(host, PORT);
  }

  async endpoint(host: number, more: VirtualOptions = {}): Promise<TransferEndpoint> {
    const { places = { sessions: 8, blocks: 64, streams: 32 }, ...options } = more;
    const sizes = transferSizes(places);
    const module = await plainEngine();
    const engine = Engine.create({ module, sizes, identity: CLIENT_IDENTITY });
    this.engines.push(engine);
    const one = await TransferEndpoint.open({
      engine,
      transport: this.transport(host),
      identity: this.identity(host),
      x25519: nodeX25519,
      random: (count) => Uint8Array.from({ length: count }, () => this.below(256)),
      clock: this.endpointClock,
      ...options,
    });
    // Keys for calls that never come would take most of the time of a test.
    const { ephemerals } = one as unknown as { ephemerals: object };
    Object.defineProperty(ephemerals, 'isFull', { value: true });
    return one;
  }

  /** Goes on for so long, or until something has come about; false: it has not. */
  async run(us: number, until?: Promise<unknown>): Promise<boolean> {
    const endUs = this.clock.nowUs + us;
    let isOver = false;
    void until?.then(() => {
      isOver = true;
    });
    await settled();
    for (let actions = 0; !isOver && this.clock.nextUs() <= endUs; actions++) {
      if (this.clock.nextUs() > this.clock.nowUs) actions = 0;
      if (actions === ACTIONS_MAX) throw new Error('the time stands still');
      this.clock.step();
      await settled();
    }
    if (!isOver) this.clock.nowUs = endUs;
    return isOver;
  }

  /** That of an endpoint which has no other. */
  get endpointClock(): EndpointClock {
    const { clock } = this;
    return {
      now: () => ({ us: clock.nowUs, wallUs: WALL_US + clock.nowUs }),
      alarm: (us, run) => {
        let isWanted = true;
        clock.at(us, () => isWanted && run());
        return () => {
          isWanted = false;
        };
      },
    };
  }

  private transport(host: number): DatagramTransport {
    const address = this.address(host);
    return {
      maxDatagramBytes: DATAGRAM_BYTES,
      open: (sink) =>
        this.network.attach(address, host, ({ bytes, from }) => sink([{ bytes, farEnd: from }])),
      send: (datagrams) => {
        for (const { bytes, farEnd } of datagrams) this.network.send(bytes, address, farEnd);
      },
      close: () => this.network.detach(address),
    };
  }
}

/** Whatever promises had to do now is done: they go before the next turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
