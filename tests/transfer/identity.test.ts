/** Identities on Node: the cases of every host, and the file on disk. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { identityOf } from '@andvari/host-common/transfer/identity';
import {
  noblePassphraseKey,
  readIdentityFile,
  sealedIdentityFile,
} from '@andvari/host-common/transfer/identity-file';
import { createIdentity, loadIdentity } from '@andvari/host-node/transfer/identity-store';
import { nodePassphraseKey } from '@andvari/host-node/transfer/node-passphrase-key';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { afterAll, describe, expect, it } from 'vitest';
import { runIdentityCases } from './identity-cases.ts';
import { runIdentityKindCases } from './identity-kinds.ts';

runIdentityCases();
runIdentityKindCases();

describe('identity on Node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'identity-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('what OpenSSL seals, noble opens', async () => {
    const seed = new Uint8Array(32).fill(8);
    const random = (count: number) => new Uint8Array(count).fill(1);
    const options = { passphrase: 'of Node', random, passphraseKey: nodePassphraseKey };
    const file = await sealedIdentityFile(seed, options);
    expect(await readIdentityFile(file, 'of Node', noblePassphraseKey)).toEqual(seed);
  });

  it.each([undefined, 'a passphrase'])('a file on disk, passphrase: %s', async (passphrase) => {
    const path = join(folder, `seed-${passphrase?.length ?? 0}`);
    const seed = await createIdentity(path, passphrase);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await loadIdentity(path, passphrase)).toEqual(seed);
    await expect(createIdentity(path, passphrase)).rejects.toMatchObject({
      code: 'ANDVARI_FILE_EXISTS',
    });
    chmodSync(path, 0o640);
    await expect(loadIdentity(path, passphrase)).rejects.toMatchObject({
      code: 'ANDVARI_IDENTITY_MODE',
      path,
    });
  });

  it.runIf(process.getuid?.() === 0)('a file of another user is refused', async () => {
    const path = join(folder, 'of-another');
    const seed = await createIdentity(path);
    chownSync(path, 1234, 1234);
    const refused = { code: 'ANDVARI_IDENTITY_OWNER', path };
    await expect(loadIdentity(path)).rejects.toMatchObject(refused);
    chownSync(path, 0, 1234);
    expect(await loadIdentity(path)).toEqual(seed);
  });

  it('a passphrase that is none makes no file, and reads none', async () => {
    const path = join(folder, 'none');
    const calls = [createIdentity, loadIdentity];
    for (const passphrase of [null, 5, {}, new Uint8Array(4)] as unknown as string[]) {
      for (const call of calls) await expect(call(path, passphrase)).rejects.toThrow(TypeError);
    }
    await expect(createIdentity(path, '')).rejects.toThrow(RangeError);
    for (const other of [null, 5, undefined] as unknown as string[]) {
      for (const call of calls) await expect(call(other)).rejects.toThrow(TypeError);
    }
    expect(existsSync(path)).toBe(false);
    expect(await loadIdentity(path).catch(({ code }) => code)).toBe('ENOENT');
    expect(await createIdentity(path)).toEqual(await loadIdentity(path));
  });

  it('another file is refused, however long', async () => {
    const path = join(folder, 'other');
    writeFileSync(path, new Uint8Array(1 << 20), { mode: 0o600 });
    await expect(loadIdentity(path)).rejects.toMatchObject({ code: 'ANDVARI_IDENTITY_FORMAT' });
  });

  it.runIf(process.platform !== 'win32')('no file: refused, and not waited for', async () => {
    const [pipe, socket] = [join(folder, 'pipe'), join(folder, 'socket')];
    execFileSync('mkfifo', ['-m', '600', pipe]);
    const server = createServer().listen(socket);
    // Ends the wait for the other end of the pipe, which would stop this thread for good.
    const opens = "const { openSync, closeSync } = require('node:fs');";
    const end = `setTimeout(() => closeSync(openSync(${JSON.stringify(pipe)}, 'r+')), 3000);`;
    const worker = new Worker(opens + end, { eval: true });
    for (const path of [pipe, socket, folder, '/dev/zero']) {
      await expect(loadIdentity(path)).rejects.toMatchObject({
        code: 'ANDVARI_IDENTITY_NOT_A_FILE',
        path,
      });
    }
    await worker.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  it.runIf(process.platform !== 'win32')('a link leads to what is looked at', async () => {
    const [path, link] = [join(folder, 'led-to'), join(folder, 'link')];
    const seed = await createIdentity(path);
    symlinkSync(path, link);
    expect(await loadIdentity(link)).toEqual(seed);
    chmodSync(path, 0o640);
    await expect(loadIdentity(link)).rejects.toMatchObject({ code: 'ANDVARI_IDENTITY_MODE' });
  });

  it('a pair of providers shares one secret', () => {
    const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const [ours, theirs] = [identityOf(one, nodeX25519), identityOf(two)];
    expect(ours.noise.secret.shared(theirs.noise.publicKey)).toEqual(
      theirs.noise.secret.shared(ours.noise.publicKey),
    );
  });
});
