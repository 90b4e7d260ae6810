/** Both demo services with their files, as an endpoint takes them. */
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { RaidaClient } from '@andvari/host-common/raida/client';
import { EngineCodec } from '@andvari/host-common/raida/codec';
import { makeDirectory } from '../../files/directory.ts';
import { formatAddress } from '../../http/socket-address.ts';
import type { SocketAddress } from '../../io/packet-io.ts';
import { SocketTransport } from '../../raida/socket-transport.ts';
import { WalletFile } from '../../raida/wallet-file.ts';
import type { EndpointServices } from '../endpoint.ts';
import type { Service } from '../service-bus.ts';
import { Heidrun } from './heidrun.ts';
import { Payments } from './heidrun-payments.ts';
import { Nornen } from './nornen.ts';

export interface DemoServicesOptions {
  /** A folder for market, payments and wallet. */
  directory: string;
  /** Whose coins are paid with; without it there is no Heidrun. */
  network?: PaymentNetwork;
}

interface PaymentNetwork {
  /** All 25, looked at when the first payment comes. */
  servers: readonly SocketAddress[];
  wire: 'spec' | 'legacy';
  coinId: number;
}

/**
 * Nornen gets the marketplace's requests and those without a type, Heidrun the payments. Throws for
 * files that are something else.
 */
export function openDemoServices(options: DemoServicesOptions): EndpointServices {
  const { directory, network } = options;
  makeDirectory(directory, 0o700);
  const nornen = new Nornen(join(directory, 'market.json'));
  const routes = new Map<string, Service>([
    ['MARKETPLACE_REQUEST', nornen],
    ['PROVIDER_REGISTRATION', nornen],
  ]);
  if (!network) return { routes, fallback: nornen };
  const files = heidrunFiles(directory);
  const store = WalletFile.open(files.wallet, { create: true });
  const payments = openPayments(files.payments, store);
  let transport: SocketTransport | undefined;
  const client = async () => {
    const addresses = network.servers.map((address, raidaId) => ({
      raidaId,
      url: `udp://${formatAddress(address)}`,
    }));
    transport ??= new SocketTransport(addresses);
    return new RaidaClient({ codec: new EngineCodec(await plainEngine(), network), transport });
  };
  const heidrun = new Heidrun({ client, store, payments });
  routes.set('PAYMENT_REQUEST', heidrun);
  return {
    routes,
    fallback: nornen,
    close: async () => {
      await heidrun.close();
      await transport?.close();
      payments.close();
      store.close();
    },
  };
}

/** What Heidrun has in the folder of the services. */
export function heidrunFiles(directory: string) {
  return { wallet: join(directory, 'heidrun.wallet'), payments: join(directory, 'payments.db') };
}

function openPayments(path: string, store: WalletFile): Payments {
  try {
    return new Payments(path);
  } catch (error) {
    store.close();
    throw error;
  }
}
