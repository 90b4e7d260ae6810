/** Files between pages and programs, through a relay: a real browser on each side. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { offerFile } from '@andvari/host-common/transfer/files/file-exchange';
import { FileHash } from '@andvari/host-common/transfer/files/file-hash';
import {
  type FileSender,
  hashFile,
  type SentFile,
} from '@andvari/host-common/transfer/files/file-sender';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import type { TransferNode } from '@andvari/host-node/transfer/node';
import { newIdentity } from '@andvari/host-node/transfer/node-identity';
import { blake3 } from '@noble/hashes/blake3.js';
import { describe, expect, it } from 'vitest';
import { type NamedBytes, randomFile, sha256, transferPlace } from './transfer-place.ts';

const place = transferPlace();
const MIB = 1 << 20;
/** More than the relay lets through while it is held. */
const HELD_BYTES = 4 * MIB;
/** What takes longest is for the long run. */
const long = process.env.ANDVARI_LONG === '1';

const hashOf = (bytes: Uint8Array) => Buffer.from(blake3(bytes)).toString('hex');

/** Fetches what a code is for, as `andvari receive` does; rejects with how it ended. */
async function fetchedByNode(node: TransferNode, code: string): Promise<string> {
  const from = await node.connect(code);
  for await (const offer of node.receive({ into: place.folder, from })) {
    const { completion } = await offer.accept();
    return (await completion).path;
  }
  throw new Error('nothing was offered');
}

/** Hands a file out, as `andvari send` does; gives its code. */
async function handedOut(node: TransferNode, { name, bytes }: NamedBytes): Promise<string> {
  const path = join(place.folder, name);
  writeFileSync(path, bytes);
  const serve = async () => {
    for await (const session of node.incoming) {
      const transfer = await node.sendFile(path, session);
      transfer.completion.then(
        () => session.close(),
        () => {},
      );
    }
  };
  serve().catch(() => {});
  return node.codes()[0];
}

describe('from a page to a program', () => {
  it.each([
    ['of several MiB', 'ship of gold.bin', 3 * MIB + 12_345],
    ['that is empty', 'empty', 0],
    ...(long ? [['of one byte', 'one.txt', 1] as const] : []),
  ] as const)('a file %s', async (_, name, length) => {
    const file = randomFile(name, length);
    const sender = await place.person();
    const code = await sender.send(file);
    expect(code).toMatch(/^[a-z2-7]{55}@ws:\/\/127\.0\.0\.1:\d+\/relay$/);
    const path = await fetchedByNode(await place.node(), code);
    expect(path).toBe(join(place.folder, name));
    expect(sha256(readFileSync(path))).toBe(sha256(file.bytes));
    await sender.stage('send', 'done');
    expect(await sender.hash('send')).toBe(hashOf(file.bytes));
  });

  it('says that it was refused, and the code stays good', async () => {
    const file = randomFile('twice.bin', 300_000);
    const sender = await place.person();
    const code = await sender.send(file);
    const no = await place.node();
    const from = await no.connect(code);
    for await (const offer of no.receive({ into: place.folder, from })) {
      await sender.stage('send', 'asked');
      await offer.reject();
      break;
    }
    expect(await sender.words('send')).toMatch(/did not want it\. The code is still good/);
    await sender.stage('send', 'waiting');
    const path = await fetchedByNode(await place.node(), code);
    expect(sha256(readFileSync(path))).toBe(sha256(file.bytes));
    await sender.stage('send', 'done');
  });
});

describe('from a program to a page', () => {
  it('a file is looked at, taken, saved, and removed', async () => {
    const file = randomFile('letter (1).bin', 3 * MIB + 77);
    const code = await handedOut(await place.node(), file);
    const receiver = await place.person();
    await receiver.look(` andvari receive ${code}\n`);
    await receiver.says('receive', /letter \(1\)\.bin \(3\.0 MiB\)\. Nothing of it has been taken/);
    await receiver.hook('accept').click();
    await receiver.stage('receive', 'whole');
    expect(await receiver.hash('receive')).toBe(hashOf(file.bytes));
    const saved = await receiver.save();
    expect([saved.name, sha256(saved.bytes)]).toEqual([file.name, sha256(file.bytes)]);
    // Closed, it is kept until it is removed.
    await receiver.hook('receive-end').click();
    await receiver.hook('kept').waitFor();
    expect(sha256((await receiver.save('kept-save')).bytes)).toBe(sha256(file.bytes));
    await receiver.hook('kept-remove').click();
    await receiver.wallet.hook('confirm-yes').click();
    await receiver.hook('kept').waitFor({ state: 'detached' });
  });

  it('what is refused is not there; an empty file is', async () => {
    const spam = await handedOut(await place.node(), randomFile('spam.bin', 1000));
    const receiver = await place.person();
    await receiver.look(spam);
    await receiver.hook('refuse').click();
    expect(await receiver.words('receive')).toMatch(/You have not taken it/);
    expect(await receiver.hook('kept').count()).toBe(0);
    await receiver.hook('receive-end').click();
    const code = await handedOut(await place.node(), randomFile('empty', 0));
    const saved = await receiver.takesItAll(code);
    expect(saved).toEqual({ name: 'empty', bytes: new Uint8Array(0) });
  });
});

describe('from a page to a page', () => {
  it('a file, with the same letters and the same hash on both', async () => {
    const file = randomFile('between pages.bin', 2 * MIB + 1);
    const [sender, receiver] = [await place.person(), await place.person()];
    await receiver.look(await sender.send(file));
    await sender.stage('send', 'asked');
    await receiver.stage('receive', 'asking');
    const letters = await receiver.hook('receive-letters').textContent();
    expect(letters).toMatch(/^([a-z2-7]{4}-){3}[a-z2-7]{4}$/);
    expect(await sender.hook('send-letters').textContent()).toBe(letters);
    await receiver.hook('accept').click();
    await receiver.stage('receive', 'whole');
    const saved = await receiver.save();
    expect([saved.name, sha256(saved.bytes)]).toEqual([file.name, sha256(file.bytes)]);
    await sender.stage('send', 'done');
    expect(await receiver.hash('receive')).toBe(await sender.hash('send'));
  });

  it.runIf(long)('goes on when the relay comes back', async () => {
    const file = randomFile('cut.bin', HELD_BYTES + 5);
    const [sender, receiver] = [await place.person(), await place.person()];
    const code = await sender.send(file);
    place.holdRelay();
    await receiver.look(code);
    await receiver.hook('accept').click();
    await receiver.stage('receive', 'receiving');
    await place.stopRelay();
    place.letRelayGoOn();
    await receiver.says('receive', /The connection to the relay is lost/);
    await sender.says('send', /The connection to the relay is lost/);
    await place.startRelay();
    await receiver.stage('receive', 'whole');
    expect(sha256((await receiver.save()).bytes)).toBe(sha256(file.bytes));
    await sender.stage('send', 'done');
  });

  it('goes on by the same code when the receiver gave it up', async () => {
    const file = randomFile('later.bin', HELD_BYTES + 5);
    const [sender, receiver] = [await place.person(), await place.person()];
    const code = await sender.send(file);
    place.holdRelay();
    await receiver.look(code);
    await receiver.holdInTheMiddle();
    await receiver.hook('receive-end').click();
    await receiver
      .hook('kept')
      .filter({ hasText: /goes on with its code/ })
      .waitFor();
    expect(await sender.words('send')).toMatch(/has given it up\. The code is still good/);
    place.letRelayGoOn();
    const saved = await receiver.takesItAll(code);
    expect(sha256(saved.bytes)).toBe(sha256(file.bytes));
  });
});

/** Serves all who come with the code. */
function served(node: TransferNode, sent: SentFile): { code: string; senders: FileSender[] } {
  const senders: FileSender[] = [];
  const serve = async () => {
    for await (const session of node.incoming) senders.push(await offerFile(session, sent));
  };
  serve().catch(() => {});
  return { code: node.codes()[0], senders };
}

/** As its receiver is offered it, from memory. */
async function sentFile({ name, bytes }: NamedBytes): Promise<SentFile> {
  const source = {
    size: bytes.length,
    read: async (offset: number, into: Uint8Array) => {
      into.set(bytes.subarray(offset, offset + into.length));
    },
    close: async () => {},
  };
  const { hash, values } = await hashFile(source, FileHash.create(await plainEngine()));
  const more = { mode: 0o644, modifiedUs: 0n, compressed: false, isFolder: false };
  const transferId = randomFile('', 32).bytes;
  return { offer: { transferId, name, size: bytes.length, hash, ...more }, source, values };
}

describe('what is kept of a file that was cut off', () => {
  it('is not fetched again, but for what has been torn meanwhile', async () => {
    const file = randomFile('torn.bin', 5 * MIB + 3);
    const sent = await sentFile(file);
    const { read } = sent.source;
    const goOn = Promise.withResolvers<void>();
    sent.source.read = async (offset, into) => {
      if (offset >= 3 * MIB) await goOn.promise;
      await read(offset, into);
    };
    const { code, senders } = served(await place.node(), sent);
    const receiver = await place.person();
    await receiver.look(code);
    await receiver.hook('accept').click();
    await receiver
      .hook('receive-movement')
      .filter({ hasText: /^3\.0 MiB of/ })
      .waitFor();
    const way = receiver.hook('receive-way');
    await way
      .filter({ hasText: /^It goes through the relay, round trip \d+ ms\. A page/ })
      .waitFor();
    await receiver.hook('receive-end').click();
    await receiver
      .hook('kept')
      .filter({ hasText: /goes on with its code/ })
      .waitFor();
    await receiver.wallet.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const all = await root.getDirectoryHandle('received');
      for await (const key of all.keys()) {
        const folder = await all.getDirectoryHandle(key);
        const data = await folder.getFileHandle('data');
        const writer = await data.createWritable({ keepExistingData: true });
        await writer.write({ type: 'write', position: 5, data: 'torn' });
        await writer.close();
      }
    });
    goOn.resolve();
    const saved = await receiver.takesItAll(code);
    expect(sha256(saved.bytes)).toBe(sha256(file.bytes));
    const [, second] = senders;
    expect(second?.sentBytes).toBeGreaterThan(0);
    expect(second?.sentBytes).toBeLessThan(3 * MIB);
  });
});

describe('is told in one sentence, and nothing hangs:', () => {
  it('a code of nobody, and what is no code', async () => {
    const receiver = await place.person();
    const nobody = `${peerIdText(newIdentity().peerId)}@${place.relayUrl}`;
    await receiver.look(nobody);
    expect(await receiver.words('receive')).toMatch(/^Nobody with this code is at its relay/);
    await receiver.hook('receive-end').click();
    const slip = nobody.replace(/^./, (letter) => (letter === 'a' ? 'b' : 'a'));
    for (const [code, wanted] of [
      [slip, /a letter of the peer ID is wrong/i],
      ['hello', /This is no code/],
      [nobody.replace(/@.*$/, '@192.0.2.1:8420'), /an address that a page cannot call/],
      [nobody.replace(/@.*$/, '@ws://192.0.2.1:9/relay'), /reached by wss:\/\/ alone/],
      [nobody.replace(/@.*$/, '@wss://relay.example/relay'), /--connect wss:\/\/relay\.example/],
      [`${nobody.replace('ws:', 'wss:')}#${'ab'.repeat(32)}`, /a page cannot check/],
    ] as const) {
      await receiver.look(code);
      expect(await receiver.words('receive')).toMatch(wanted);
    }
  });

  it('bytes that are not those of the file: nothing of them is kept', async () => {
    const sent = await sentFile(randomFile('lie.bin', MIB));
    const { read } = sent.source;
    sent.source.read = async (offset, into) => {
      await read(offset, into);
      into[0] = (into[0] ?? 0) ^ 1;
    };
    const { code, senders } = served(await place.node(), sent);
    const receiver = await place.person();
    await receiver.look(code);
    await receiver.hook('accept').click();
    expect(await receiver.words('receive')).toMatch(/its hash is wrong/);
    await expect(senders[0]?.completion).rejects.toMatchObject({
      code: 'ANDVARI_TRANSFER_INTEGRITY',
    });
    await receiver.hook('receive-end').click();
    expect(await receiver.hook('kept').count()).toBe(0);
  });

  it.runIf(long)('a sender that has left in the middle; what came is kept', async () => {
    const [sender, receiver] = [await place.person(), await place.person()];
    const code = await sender.send(randomFile('gone.bin', HELD_BYTES));
    place.holdRelay();
    await receiver.look(code);
    await receiver.holdInTheMiddle();
    await sender.wallet.page.close({ runBeforeUnload: false });
    place.letRelayGoOn();
    await receiver.says('receive', /The sender has left the relay/);
    await receiver.hook('receive-end').click();
    await receiver
      .hook('kept')
      .filter({ hasText: /goes on with its code/ })
      .waitFor();
  });

  it('a relay that is not there', async () => {
    const person = await place.person();
    const code = await person.send(randomFile('x', 10));
    await person.hook('send-end').click();
    await place.stopRelay();
    await person.look(code);
    const wanted = /^The relay 127\.0\.0\.1 cannot be reached.* See that it runs/;
    expect(await person.words('receive')).toMatch(wanted);
    const { name, bytes } = randomFile('y', 10);
    const buffer = Buffer.from(bytes);
    await person.hook('file').setInputFiles({ name, mimeType: 'text/plain', buffer });
    expect(await person.words('send')).toMatch(wanted);
  });
});
