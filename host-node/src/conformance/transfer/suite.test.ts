/** The suite of the transfer handshake against a node of ours, whole and wrong in one way. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parsePeerAddress } from '@andvari/host-common/transfer/peer-id-text';
import { afterEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../../testing/folder.ts';
import { TransferNode } from '../../transfer/node.ts';
import { everybody } from '../../transfer/node-config.ts';
import { newIdentity } from '../../transfer/node-identity.ts';
import { runProtocol } from '../protocol-suite.ts';
import type { CaseResult } from '../verdict.ts';
import { transferSuite } from './suite.ts';

const folder = folderForTests('transfer-conformance');
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function place() {
  const data = { dataFolder: folder.path, identity: newIdentity() };
  const node = await TransferNode.create({ ...data, host: '127.0.0.1', trust: everybody });
  open.push({ close: () => node.shutdown() });
  const { peerId, port } = parsePeerAddress(node.codes()[0]!);
  return { peerId: Buffer.from(peerId), port: port! };
}

/** In front of a node: what it says is given to `damage`. */
async function through(port: number, damage: (answer: Buffer) => Buffer[]): Promise<number> {
  const front = createSocket('udp4').bind(0, '127.0.0.1');
  await once(front, 'listening');
  const behind = new Map<number, Socket>();
  front.on('message', (message, { port: from }) => {
    let socket = behind.get(from);
    if (!socket) {
      socket = createSocket('udp4');
      behind.set(from, socket);
      socket.on('message', (answer) => {
        for (const bytes of damage(answer)) front.send(bytes, from, '127.0.0.1');
      });
    }
    socket.send(message, port, '127.0.0.1');
  });
  open.push({
    close: () => {
      for (const socket of [front, ...behind.values()]) socket.close();
    },
  });
  return front.address().port;
}

async function odd(peerId: Buffer, port: number, seed?: Buffer): Promise<string[]> {
  const results: CaseResult[] = [];
  const suite = transferSuite({
    ...{ target: { host: '127.0.0.1', port }, peerId, replyMs: 3000, silenceMs: 60 },
    ...(seed && { seed }),
  });
  const { signal } = new AbortController();
  await runProtocol(suite, suite.cases, {
    ...{ target: 'udp', signal },
    onResult: (result) => void results.push(result),
  });
  expect(results).toHaveLength(suite.cases.length);
  return results
    .filter(({ verdict }) => verdict !== 'pass')
    .map((result) => `${result.verdict} ${result.case.id}: ${result.problem}`);
}

const seed = Buffer.alloc(32, 7);

describe('the suite of the transfer handshake', () => {
  it('passes a node of ours', async () => {
    const { peerId, port } = await place();
    expect(await odd(peerId, port, seed)).toEqual([]);
    const skipped = await odd(peerId, port);
    expect(skipped).toHaveLength(3);
    for (const text of skipped) expect(text).toMatch(/^skip transfer\/third\/.* \(--key\)$/);
  });

  it('finds a list of versions without its MAC', async () => {
    const { peerId, port } = await place();
    const proxy = await through(port, (answer) => {
      const bytes = Buffer.from(answer);
      // Three cases see such a list; one of them is spoilt.
      if (bytes[7] === 0xfe && bytes.length === 28) spoilt++;
      if (spoilt === 2 && bytes[7] === 0xfe) bytes[27]! ^= 1;
      return [bytes];
    });
    let spoilt = 0;
    expect(await odd(peerId, proxy, seed)).toEqual(['fail transfer/version/2: another MAC']);
  });

  it('finds a message 2 that is sent twice', async () => {
    const { peerId, port } = await place();
    let seconds = 0;
    const proxy = await through(port, (answer) => {
      const isSecond = answer.length === 144;
      if (isSecond) seconds++;
      // Cases before it: the probe 1, answered 2, repeated 2, repeated-often 9.
      return isSecond && seconds === 15 ? [answer, answer] : [answer];
    });
    expect(await odd(peerId, proxy, seed)).toEqual([
      'fail transfer/first/no-timer: wanted silence',
    ]);
  });
});
