/**
 * A Ratatoskr client in a program of your own. To run it against `npm start`, with a key that
 * `andvari ratatoskr keygen` has made and `register` has made known:
 *
 *   npm run example:client -- KEYFILE DEVICE USER [http://127.0.0.1:8080/network.json]
 */
import { readFileSync } from 'node:fs';
import {
  parseRatatoskrAddress,
  type RatatoskrAddress,
} from '@andvari/host-common/ratatoskr/address';
import { RatatoskrError } from '@andvari/host-common/ratatoskr/client/client-error';
import { RatatoskrClient } from '@andvari/host-common/ratatoskr/client/ratatoskr-client';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';
import { nodeTransports } from '@andvari/host-node/ratatoskr/node-transports';

const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (two) => Number.parseInt(two, 16));

/** The seed of a key file: 64 hex digits. */
function readKey(keyFile: string): Uint8Array {
  const text = readFileSync(keyFile, 'utf8').trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new Error(`${keyFile}: this is no key file`);
  return bytesOf(text);
}

/** A client of the endpoint that a network's description names. It does not connect yet. */
export async function clientOf(
  address: RatatoskrAddress,
  device: { seed: Uint8Array; deviceId: string; userId: string },
): Promise<RatatoskrClient> {
  const { url, serverKey, webTransport } = address;
  const { seed, deviceId, userId } = device;
  const provider = await hostEd25519();
  return RatatoskrClient.create({
    transports: nodeTransports({
      webSocketUrl: url,
      webTransportUrl: webTransport?.url,
      certificateHashes: webTransport?.certificateHashes.map(bytesOf),
    }),
    signer: await provider.signer(seed),
    deviceId,
    userId,
    serverKey: bytesOf(serverKey),
  });
}

/** One business request as JSON. The same `requestId` again is answered, and not executed twice. */
export async function ask(client: RatatoskrClient, words: object, requestId?: string) {
  const payload = new TextEncoder().encode(JSON.stringify(words));
  const options = requestId === undefined ? {} : { requestId };
  const answer = await client.call(payload, { timeoutMs: 10_000, ...options });
  return JSON.parse(new TextDecoder().decode(answer.payload));
}

/** Asks until it is known how it ended: for what must not be done twice, such as a payment. */
export async function askUntilKnown(client: RatatoskrClient, words: object, tries: number) {
  const requestId = crypto.randomUUID();
  for (let left = tries; ; left--) {
    try {
      return await ask(client, words, requestId);
    } catch (error) {
      const isOpen = error instanceof RatatoskrError && error.outcome === 'unknown';
      if (!isOpen || left <= 1) throw error;
    }
  }
}

async function main([keyFile = '', deviceId = '', userId = '', source]: string[]): Promise<void> {
  if (userId === '') throw new Error('wanted: KEYFILE DEVICE USER [NETWORK.JSON]');
  const seed = readKey(keyFile);
  const url = source ?? 'http://127.0.0.1:8080/network.json';
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) throw new Error(`${url} cannot be read: is npm start running?`);
  const address = parseRatatoskrAddress(await response.json());
  if (address === undefined) throw new Error('the network has no Ratatoskr endpoint');
  const client = await clientOf(address, { seed, deviceId, userId });
  client.subscribe((event) => {
    if (event.kind === 'state') console.error(event.state);
  });
  try {
    await client.connect();
    const words = { request_type: 'MARKETPLACE_REQUEST', action: 'list' };
    console.log(await askUntilKnown(client, words, 3));
  } finally {
    await client.close();
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(`client: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
