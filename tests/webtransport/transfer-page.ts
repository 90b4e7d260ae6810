/** An endpoint of the transfer protocol in a page: what transfer.test.ts bundles and calls. */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { writeFarEnd } from '@andvari/host-common/transfer/far-end';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { WebTransportDatagrams } from '@andvari/host-common/transfer/web-transports';
import { nobleX25519 } from '@andvari/host-common/transfer/x25519';

export interface PageTask {
  port: number;
  certificateHash: number[];
  /** Of the node to call. */
  peerId: number[];
  /** Sent there, and expected back. */
  bytes: number;
}

export interface PageOutcome {
  sent: number;
  back: number;
  wrong: number;
  mtu: number;
  lost: number;
}

export function byteAt(offset: number): number {
  return (offset * 7 + (offset >> 8) * 13) & 255;
}

async function run(task: PageTask): Promise<PageOutcome> {
  const session = new WebTransport(`https://127.0.0.1:${task.port}/transfer`, {
    serverCertificateHashes: [
      { algorithm: 'sha-256', value: new Uint8Array(task.certificateHash) },
    ],
  });
  await session.ready;
  const farEnd = writeFarEnd({ address: new Uint8Array(16), port: 0, handle: 1 });
  const endpoint = await TransferEndpoint.open({
    engine: Engine.create({
      module: await plainEngine(),
      sizes: transferSizes({ sessions: 4, blocks: 512 }),
      identity: CLIENT_IDENTITY,
    }),
    transport: new WebTransportDatagrams(session, farEnd),
    identity: identityOf(new Uint8Array(32).fill(1), nobleX25519),
  });
  const called = await endpoint.connect(Uint8Array.from(task.peerId), farEnd);
  const stream = await called.openStream();
  const writing = (async () => {
    const writer = stream.writable?.getWriter();
    for (let at = 0; at < task.bytes; at += 65536) {
      const length = Math.min(65536, task.bytes - at);
      await writer?.write(Uint8Array.from({ length }, (_, i) => byteAt(at + i)));
    }
    await writer?.close();
  })();
  let back = 0;
  let wrong = 0;
  const reader = stream.readable?.getReader();
  for (let got = await reader?.read(); got && !got.done; got = await reader?.read()) {
    for (const byte of got.value) if (byte !== byteAt(back++)) wrong++;
  }
  await writing;
  await stream.done;
  const { MTU = 0, PACKETS_LOST = 0 } = called.statistics() ?? {};
  await endpoint.close();
  return { sent: task.bytes, back, wrong, mtu: MTU, lost: PACKETS_LOST };
}

Object.assign(globalThis, { runTransfer: run });
