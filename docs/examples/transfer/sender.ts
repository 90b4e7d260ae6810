/**
 * Sends a file or a folder from a program of your own. It is the node that `andvari keygen` has
 * made, and the peer trusts it (`andvari trust add`, on the other machine):
 *
 *   npm run example:sender -- PATH PEER@HOST:PORT
 */
import { TransferNode } from '@andvari/host-node/transfer/node';
import { nobody } from '@andvari/host-node/transfer/node-config';

/** Resolves when the peer has it. @param tell told how it goes, twice a second */
export async function send(path: string, peer: string, tell: (line: string) => void) {
  const node = await TransferNode.create({ trust: nobody, maxTransfers: 1 });
  try {
    const transfer = await node.sendFile(path, peer);
    tell(`${transfer.name} is offered; ask whether they see ${transfer.authenticationString}`);
    for await (const event of transfer.events({ everyMs: 500 })) {
      if (event.type === 'done' || event.type === 'failed') break;
      const { pieces, totalPieces } = event.progress;
      const left = event.eta === undefined ? '' : `, ${Math.ceil(event.eta)} s left`;
      tell(`${event.type}: ${pieces} of ${totalPieces} pieces, ${event.rate} B/s${left}`);
    }
    // Rejects with what ended it: error.code says which.
    return await transfer.completion;
  } finally {
    await node.shutdown();
  }
}

async function main([path, peer]: string[]): Promise<void> {
  if (!path || !peer) throw new Error('wanted: PATH PEER@HOST:PORT');
  const { bytes, durationS } = await send(path, peer, console.log);
  console.log(`sent: ${bytes} bytes in ${durationS.toFixed(1)} s`);
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(`sender: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
