/** What has to be seen to when an endpoint opens, and not before. */
import type { Engine } from '../engine/engine.ts';
import { TRANSFER_PACKET_BYTES_MIN } from '../engine/generated/limits.ts';
import { checkWhole } from './argument-checks.ts';
import type { DatagramTransport } from './datagram-transport.ts';
import type { EndpointOptions } from './endpoint-options.ts';

const DATAGRAM_MAX = 65_535;
/** Engines that endpoints have, or had: sessions of the one would go out by the other. */
const taken = new WeakSet<Engine>();

/**
 * Opens the transport for an endpoint, whose engine nobody else has from then on. What cannot be
 * opened leaves both as they were.
 * @throws RangeError: another endpoint has the engine; RangeError, TypeError: the datagrams carry
 * no session; what the transport says
 */
export async function openTransport(
  { engine, transport }: Pick<EndpointOptions, 'engine' | 'transport'>,
  ...opening: Parameters<DatagramTransport['open']>
): Promise<void> {
  if (taken.has(engine)) throw new RangeError('engine: another endpoint has it, or had it');
  taken.add(engine);
  try {
    await transport.open(...opening);
    await checkDatagrams(transport);
  } catch (error) {
    taken.delete(engine);
    throw error;
  }
}

/** It is known of a transport that is open, which is closed if no frame fits. */
async function checkDatagrams(transport: DatagramTransport): Promise<void> {
  try {
    const { maxDatagramBytes } = transport;
    checkWhole('maxDatagramBytes', maxDatagramBytes, TRANSFER_PACKET_BYTES_MIN, DATAGRAM_MAX);
  } catch (error) {
    await transport.close();
    throw error;
  }
}
