/**
 * Both applications read the peer's streams one after the other, each to its end, and answer each
 * on the same stream. What lies unread must not keep from a reader what it waits for. Real engines
 * with the default pools of a few sessions, and handshakes, over a network in memory.
 */
import { CLIENT_IDENTITY } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import { plainEngine } from '@andvari/host-common/engine/module';
import { TransferEndpoint } from '@andvari/host-common/transfer/endpoint';
import { transferSizes } from '@andvari/host-common/transfer/engine-transfer';
import { identityOf } from '@andvari/host-common/transfer/identity';
import type { TransferSession } from '@andvari/host-common/transfer/transfer-session';
import type { TransferStream } from '@andvari/host-common/transfer/transfer-stream';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterEach, expect, test } from 'vitest';
import { bytesOf, next, pattern, writeAll } from './endpoint-world.ts';
import { hostAt, MemoryNetwork } from './memory-network.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const RUNS = LONG ? 20 : 4;
const STREAMS = 10;
const BYTES = 300_000;
const SENT = pattern(BYTES);

const opened: TransferEndpoint[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const identity = (name: number) => identityOf(new Uint8Array(32).fill(name), nodeX25519);

async function pair(sessions: number): Promise<TransferSession[]> {
  const network = new MemoryNetwork();
  const endpoint = async (name: number) => {
    const sizes = transferSizes({ sessions });
    const one = await TransferEndpoint.open({
      engine: Engine.create({ module: await plainEngine(), sizes, identity: CLIENT_IDENTITY }),
      transport: network.at(hostAt(name)),
      identity: identity(name),
      x25519: nodeX25519,
    });
    opened.push(one);
    return one;
  };
  const [caller, called] = [await endpoint(1), await endpoint(2)];
  const calling = caller.connect(identity(2).peerId, hostAt(2));
  return Promise.all([calling, next(called.incoming)]);
}

function expectAll(bytes: Uint8Array): void {
  if (Buffer.compare(bytes, SENT) !== 0) throw new Error(`${bytes.length} bytes, or other ones`);
}

/** Opens streams, writes all of them at once, and takes the answers as they come. */
async function ask(session: TransferSession): Promise<void> {
  const streams: TransferStream[] = [];
  for (let i = 0; i < STREAMS; i++) streams.push(await session.openStream());
  const exchange = async (stream: TransferStream) => {
    const [, bytes] = await Promise.all([writeAll(stream, SENT), bytesOf(stream)]);
    expectAll(bytes);
  };
  await Promise.all(streams.map(exchange));
}

/** Takes the peer's streams in turn, and answers each when it has been read. */
async function serve(session: TransferSession): Promise<void> {
  const incoming = session.incoming.getReader();
  const answers: Promise<void>[] = [];
  for (let i = 0; i < STREAMS; i++) {
    const { value: stream } = await incoming.read();
    if (!stream) throw new Error('no more streams come');
    expectAll(await bytesOf(stream));
    answers.push(writeAll(stream, SENT));
  }
  await Promise.all(answers);
}

test.each([2, 4])(
  `pools of %i sessions, ${RUNS} runs`,
  { timeout: 30_000 * RUNS },
  async (sessions) => {
    for (let run = 0; run < RUNS; run++) {
      const both = await pair(sessions);
      await Promise.all(both.flatMap((session) => [ask(session), serve(session)]));
      for (const session of both) {
        expect(session.statistics()?.DATA_RECEIVED).toBe(2 * STREAMS * BYTES);
      }
    }
  },
);
