/** What somebody who reads all packets of two endpoints sees: nothing that tells them apart. */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { expect, it } from 'vitest';
import { hostAt, MemoryNetwork } from './memory-network.ts';

const identity = (name: number) => identityOf(new Uint8Array(32).fill(name), nodeX25519);

/** 255 degrees of freedom: outside of this once in some 10^8 runs. */
const CHI_SQUARE = { least: 145, most: 400 };

function chiSquare(texts: Uint8Array[]): number {
  const counts = new Float64Array(256);
  let bytes = 0;
  for (const text of texts) {
    bytes += text.length;
    for (const byte of text) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  return counts.reduce((sum, n) => sum + (n - bytes / 256) ** 2 / (bytes / 256), 0);
}

it('packets of a session have four bytes in common, and the rest looks random', async () => {
  const network = new MemoryNetwork();
  const packets: Uint8Array[] = [];
  network.loses = (bytes) => {
    packets.push(bytes.slice());
    return false;
  };
  const [one, two] = await Promise.all(
    [1, 2].map(async (name) =>
      TransferEndpoint.open({
        engine: Engine.create({
          module: await plainEngine(),
          sizes: transferSizes({ sessions: 8 }),
          identity: CLIENT_IDENTITY,
        }),
        transport: network.at(hostAt(name)),
        identity: identity(name),
        x25519: nodeX25519,
        stealth: true,
      }),
    ),
  );
  if (!(one && two)) throw new Error('two endpoints');
  const accepted = two.incoming.getReader().read();
  const session = await one.connect(identity(2).peerId, hostAt(2));
  const { value: other } = await accepted;
  void other?.incoming.pipeTo(readers());
  const handshake = packets.splice(0);
  expect(handshake.length).toBeGreaterThanOrEqual(3);

  const stream = await session.openStream({ bidi: false });
  const writer = stream.writable?.getWriter();
  await writer?.write(new Uint8Array(500_000)); // zeros: what does not look random shows
  await writer?.close();
  await stream.done;
  expect(packets.length).toBeGreaterThan(350);

  const prefixes = new Set(packets.map((packet) => packet.subarray(0, 4).join()));
  expect(prefixes.size).toBe(1);
  const words = new Set(packets.map((packet) => packet.subarray(4, 12).join()));
  expect(words.size).toBe(packets.length);
  const chi = chiSquare(packets.map((packet) => packet.subarray(4)));
  expect(chi).toBeGreaterThan(CHI_SQUARE.least);
  expect(chi).toBeLessThan(CHI_SQUARE.most);
  // Of the bytes that a counter would be in, each takes most of its values.
  for (let at = 4; at < 44; at++) {
    expect(new Set(packets.map((packet) => packet[at])).size, `byte ${at}`).toBeGreaterThan(150);
  }
  for (const prefix of prefixes) {
    for (const message of handshake.slice(0, 3)) {
      expect(message.subarray(0, 4).join()).not.toBe(prefix);
    }
  }
  await Promise.all([one.close(), two.close()]);
});

/** Takes streams and reads them to their ends. */
function readers() {
  return new WritableStream<{ readable: ReadableStream<Uint8Array> | undefined }>({
    write: ({ readable }) => void readable?.pipeTo(new WritableStream()).catch(() => {}),
  });
}
