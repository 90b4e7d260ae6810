/** Two nodes of `andvari send` and `andvari receive`, as processes of their own, for tests. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { blake3 } from '@noble/hashes/blake3.js';
import { afterEach, beforeEach } from 'vitest';
import { folderForTests, type TestFolder } from '../../testing/folder.ts';
import { createIdentity } from '../../transfer/identity-store.ts';
import { KnownPeers } from '../../transfer/known-peers.ts';
import { identityOfSeed } from '../../transfer/node-identity.ts';
import { ChildProgram } from '../child-program.ts';

type Who = 'sender' | 'receiver';

/** The receiver trusts the sender, and takes files into the folder `in`. */
export class TwoNodes {
  readonly folder: TestFolder;
  readonly children: ChildProgram[] = [];
  receiverId = '';
  /** Where the receiver listens, and where it is called. */
  host = { own: '127.0.0.1', called: '127.0.0.1' };
  /** The command that starts a program of a node. */
  startedBy: Partial<Record<Who, readonly string[]>> = {};

  constructor(folder: TestFolder) {
    this.folder = folder;
  }

  run(who: Who, words: string[]): ChildProgram {
    const environment = { XDG_DATA_HOME: this.folder.at(who), ANDVARI_PASSPHRASE_FILE: '' };
    const all = [...words, '--json'];
    const child = new ChildProgram(all, undefined, environment, this.startedBy[who]);
    this.children.push(child);
    return child;
  }

  /** A receiver whose standard output goes elsewhere, as a shell writes it. */
  into(to: `| ${string}` | `> ${string}`, words: string[]): ChildProgram {
    const shell = ['bash', '-o', 'pipefail', '-c', `"$@" ${to}`, 'bash'];
    this.startedBy.receiver = shell;
    try {
      return this.run('receiver', words);
    } finally {
      delete this.startedBy.receiver;
    }
  }

  /** A receiver that is ready, and how it is called. */
  async receiving(...more: string[]): Promise<{ receiver: ChildProgram; peer: string }> {
    const words = ['receive', '--yes', '-o', this.folder.at('in')];
    const { own, called } = this.host;
    const receiver = this.run('receiver', [...words, '--listen', `${own}:0`, ...more]);
    const { port } = await receiver.event('ready');
    return { receiver, peer: `${this.receiverId}@${called}:${port}` };
  }

  sending(path: string, peer: string): ChildProgram {
    return this.run('sender', ['send', path, peer]);
  }

  /** Stops one of a transfer that has been offered, as a power cut would, then the other. */
  async cut(victim: ChildProgram, other: ChildProgram): Promise<void> {
    for (const { child, ended } of [victim, other]) {
      child.kill('SIGKILL');
      await ended;
    }
  }

  /**
   * Begins to send, and stops one side at any time, then the other, so many times; no more often
   * when it has come.
   * @param withinMs of the offer: about what the file takes
   */
  async cutOften(
    path: string,
    random: (below: number) => number,
    { rounds, withinMs }: { rounds: number; withinMs: number },
  ): Promise<void> {
    const name = basename(path);
    for (let round = 0; round < rounds && !this.has(name); round++) {
      const { receiver, peer } = await this.receiving();
      const sender = this.sending(path, peer);
      await sender.event('offered');
      await new Promise((resolve) => setTimeout(resolve, random(withinMs)));
      if (random(2) === 0) await this.cut(sender, receiver);
      else await this.cut(receiver, sender);
    }
  }

  /** Whether it has come under its name. */
  has(name: string): boolean {
    return existsSync(this.folder.at(`in/${name}`));
  }

  /** A file of the sender's. */
  fileOf(name: string, bytes: Uint8Array): string {
    const path = this.folder.at(name);
    writeFileSync(path, bytes);
    return path;
  }
}

/** @param name of the folder for people */
export function twoNodes(name: string): TwoNodes {
  const nodes = new TwoNodes(folderForTests(name));
  const { folder } = nodes;
  beforeEach(async () => {
    const peers: Uint8Array[] = [];
    for (const who of ['sender', 'receiver']) {
      const data = folder.at(`${who}/andvari`);
      mkdirSync(data, { recursive: true, mode: 0o700 });
      const seed = await createIdentity(`${data}/identity.key`);
      peers.push(identityOfSeed(seed).peerId);
    }
    const [sender, receiver] = peers as [Uint8Array, Uint8Array];
    nodes.receiverId = peerIdText(receiver);
    KnownPeers.load(folder.at('receiver/andvari/known_peers')).add(sender, 'alice');
    mkdirSync(folder.at('in'));
  });
  afterEach(async () => {
    for (const { child, ended } of nodes.children.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
  });
  return nodes;
}

/** As the commands print it. */
export const hashOf = (bytes: Uint8Array): string => Buffer.from(blake3(bytes)).toString('hex');
