/**
 * A Ratatoskr server with a service of your own: a register of parcels. To run it:
 *
 *   npm run example:server -- FOLDER PORT
 *
 * It makes its key in FOLDER, reads who may speak from FOLDER/devices.json (`andvari ratatoskr
 * register DEVICE --devices FOLDER/devices.json ...`), and prints its address and public key.
 */
import { join } from 'node:path';
import { createLogger } from '@andvari/host-node/log/logger';
import { RatatoskrEndpoint } from '@andvari/host-node/ratatoskr/endpoint';
import {
  type Service,
  ServiceFailure,
  type ServiceRequest,
} from '@andvari/host-node/ratatoskr/service-bus';

const answer = (value: object) => new TextEncoder().encode(JSON.stringify(value));

/** Who has which parcel. Whoever asks has been authenticated; each request comes once. */
export class ParcelService implements Service {
  readonly name = 'parcels';
  readonly #owners = new Map<string, string>();

  handle({ requestType, json, userId }: ServiceRequest): Uint8Array {
    const { parcel } = (json ?? {}) as { parcel?: unknown };
    if (typeof parcel !== 'string') {
      throw new ServiceFailure('INVALID_REQUEST', 'wanted a parcel', { again: false });
    }
    if (requestType === 'PARCEL_FIND') return answer({ owner: this.#owners.get(parcel) ?? null });
    const isNew = !this.#owners.has(parcel);
    if (isNew) this.#owners.set(parcel, userId);
    return answer({ ok: isNew });
  }
}

/** On this machine, without TLS; elsewhere it wants a `certificate`. */
export function startServer(folder: string, port: number): Promise<RatatoskrEndpoint> {
  const parcels = new ParcelService();
  return RatatoskrEndpoint.start(
    {
      listen: { host: '127.0.0.1', port },
      files: {
        devices: join(folder, 'devices.json'),
        serverKey: join(folder, 'server-key'),
        audit: join(folder, 'audit.log'),
        answers: join(folder, 'answers.db'),
      },
      services: () => ({
        routes: new Map([
          ['PARCEL_TAKE', parcels],
          ['PARCEL_FIND', parcels],
        ]),
      }),
    },
    { logger: createLogger({ level: 'warn' }) },
  );
}

if (import.meta.main) {
  const [folder = '', port = ''] = process.argv.slice(2);
  try {
    const isPort = /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
    if (folder === '' || !isPort) throw new Error('wanted: FOLDER PORT');
    const endpoint = await startServer(folder, Number(port));
    const key = Buffer.from(endpoint.server.publicKey ?? []).toString('hex');
    console.log(`ws://127.0.0.1:${endpoint.address.port}/ratatoskr ${key}`);
    process.once('SIGINT', () => endpoint.close());
  } catch (error) {
    console.error(`server: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
