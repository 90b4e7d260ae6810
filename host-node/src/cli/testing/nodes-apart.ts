/** Two nodes in namespaces of their own, with a poor network between them, for tests. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { PoorVeth } from '@andvari/native-io/testing/poor-veth';
import { SERVER_IP } from '@andvari/native-io/testing/veth';
import { afterEach, beforeEach, expect } from 'vitest';
import type { ChildProgram } from '../child-program.ts';
import { hashOf, type TwoNodes, twoNodes } from './two-nodes.ts';

/** A file that is on its way, or was. */
export interface Sending {
  name: string;
  bytes: Uint8Array;
  /** As the commands print it. */
  blake3: string;
  path: string;
  sender: ChildProgram;
  receiver: ChildProgram;
}

export class NodesApart {
  readonly nodes: TwoNodes;
  veth!: PoorVeth;

  constructor(nodes: TwoNodes) {
    this.nodes = nodes;
  }

  /** Random bytes go, once the receiver is there. */
  async send(size: number, ...more: string[]): Promise<Sending> {
    const name = 'large.bin';
    const bytes = randomBytes(size);
    const path = this.nodes.fileOf(name, bytes);
    return this.sendAgain({ name, bytes, blake3: hashOf(bytes), path }, ...more);
  }

  /** With the same commands, but for the receiver's port. */
  async sendAgain(
    file: Pick<Sending, 'name' | 'bytes' | 'blake3' | 'path'>,
    ...more: string[]
  ): Promise<Sending> {
    const { receiver, peer } = await this.nodes.receiving();
    const sender = this.nodes.run('sender', ['send', file.path, peer, ...more]);
    const { name, bytes, blake3, path } = file;
    return { name, bytes, blake3, path, sender, receiver };
  }

  /**
   * Waits until the receiver has told that it has so many bytes, or a side has ended. Resolves with
   * how many it has.
   */
  async came(count: number, { sender, receiver }: Sending): Promise<number> {
    let isOver = false;
    for (const { ended } of [sender, receiver]) {
      void ended.then(() => {
        isOver = true;
      });
    }
    while (!isOver) {
      const done = Number(receiver.events('progress').at(-1)?.['doneBytes'] ?? 0);
      if (done >= count) return done;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`it has ended: ${sender.err} ${receiver.err}`);
  }

  /** Both sides end well, tell the hash, and the file is there. */
  async arrived({ name, bytes, blake3, path, sender, receiver }: Sending) {
    expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
    expect(await receiver.ended, receiver.err).toMatchObject({ code: 0 });
    const target = this.nodes.folder.at(`in/${name}`);
    expect(Buffer.compare(readFileSync(target), bytes), 'the file is the same').toBe(0);
    const told = { blake3, bytes: bytes.length };
    const sent = await sender.event('sent');
    const received = await receiver.event('received');
    expect(sent).toMatchObject({ ...told, path });
    expect(received).toMatchObject({ ...told, path: target });
    expect(readdirSync(this.nodes.folder.at('in'))).toEqual([name]);
    return { sent: factsOf(sent), received: factsOf(received) };
  }

  /** Both sides end with that code, and what has come is kept, or there is nothing. */
  async broke(
    { name, sender, receiver }: Sending,
    { code, kept }: { code: number; kept: boolean },
  ) {
    expect(await sender.ended, sender.err).toMatchObject({ code });
    expect(await receiver.ended, receiver.err).toMatchObject({ code });
    for (const { err } of [sender, receiver]) {
      expect(err).toMatch(/^andvari: [^\n]*\(ANDVARI_\w+\)\n$/);
    }
    const parts = readdirSync(this.nodes.folder.at('in')).sort();
    const part = ['', '.state', '.values'].map((suffix) => `${name}.andvari-part${suffix}`);
    expect(parts).toEqual(kept ? part : []);
  }
}

/** Of an event `sent` or `received`. */
function factsOf({ bytesPerSecond, durationMs }: Record<string, unknown>) {
  const [rate, duration] = [Number(bytesPerSecond), Number(durationMs)];
  return { bytesPerSecond: rate, travelled: (rate * duration) / 1000 };
}

/** @param name of the folder for people */
export function nodesApart(name: string): NodesApart {
  let apart: NodesApart | undefined;
  // Before the nodes' own: behind a test it goes when they are gone.
  beforeEach(() => {
    if (!apart) return;
    const { nodes } = apart;
    apart.veth = new PoorVeth();
    nodes.startedBy = {
      sender: ['ip', 'netns', 'exec', apart.veth.client],
      receiver: ['ip', 'netns', 'exec', apart.veth.server],
    };
  });
  afterEach(() => apart?.veth?.remove());
  const nodes = twoNodes(name);
  nodes.host = { own: '0.0.0.0', called: SERVER_IP };
  apart = new NodesApart(nodes);
  return apart;
}
