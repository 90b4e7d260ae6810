/**
 * Receives files in a program of your own, from peers that `andvari trust add` has made known. It
 * is the node that `andvari keygen` has made; Ctrl-C ends it:
 *
 *   npm run example:receiver -- FOLDER [PORT]
 */
import { TransferNode } from '@andvari/host-node/transfer/node';
import type { TransferOffer } from '@andvari/host-node/transfer/transfer-receiver';

/** What is larger is not wanted. */
const BYTES_MAX = 100 << 20;

/** Takes what is not too large, into the folder, until the node is shut down. */
export async function receive(node: TransferNode, into: string, tell: (line: string) => void) {
  const accept = ({ size }: TransferOffer) => size <= BYTES_MAX;
  const coming: Promise<void>[] = [];
  for await (const offer of node.receive({ into, accept })) coming.push(take(offer, tell));
  await Promise.all(coming);
}

/** One that fails is told, and is no end of those that come beside it. */
async function take(offer: TransferOffer, tell: (line: string) => void): Promise<void> {
  try {
    const transfer = await offer.accept();
    const { path, bytes } = await transfer.completion;
    tell(`received: ${bytes} bytes, ${path}`);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    tell(`${offer.name} has not come: ${message} (${code})`);
  }
}

async function main([folder, port = '0']: string[]): Promise<void> {
  if (!folder || !/^\d{1,5}$/.test(port)) throw new Error('wanted: FOLDER [PORT]');
  const node = await TransferNode.create({ port: Number(port) });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void node.shutdown());
  for (const code of node.codes()) console.log(`listens: ${code}`);
  await receive(node, folder, console.log);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(`receiver: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
