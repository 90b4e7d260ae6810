/** docs/examples/ratatoskr: the client talks to the server, and docs/api.md shows both. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, askUntilKnown, clientOf } from '../../docs/examples/ratatoskr/client.ts';
import { startServer } from '../../docs/examples/ratatoskr/server.ts';
import { NodeEd25519Signer } from '../../host-node/src/ratatoskr/node-ed25519.ts';
import { idOf } from './scripted-server.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-examples-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('client and server of the examples', async () => {
  const seed = new Uint8Array(32).fill(5);
  const { publicKey } = new NodeEd25519Signer(seed);
  const endpoint = await startServer(folder, 0);
  endpoint.devices.register({ deviceId: 'scanner', publicKey, userIds: ['ann', 'bob'] });
  const serverKey = Buffer.from(endpoint.server.publicKey as Uint8Array).toString('hex');
  const url = `ws://127.0.0.1:${endpoint.address.port}/ratatoskr`;
  const client = await clientOf(
    { url, serverKey },
    { seed: seed.slice(), deviceId: 'scanner', userId: 'ann' },
  );
  try {
    await client.connect();
    const take = { request_type: 'PARCEL_TAKE', parcel: 'p1' };
    expect(await askUntilKnown(client, take, 3)).toEqual({ ok: true });
    expect(await ask(client, take)).toEqual({ ok: false });
    expect(await ask(client, take, idOf(1))).toEqual({ ok: false });
    expect(await ask(client, { ...take, parcel: 'p2' }, idOf(2))).toEqual({ ok: true });
    expect(await ask(client, { ...take, parcel: 'p2' }, idOf(2))).toEqual({ ok: true });
    const find = { request_type: 'PARCEL_FIND', parcel: 'p1' };
    expect(await ask(client, find)).toEqual({ owner: 'ann' });
    await expect(askUntilKnown(client, { request_type: 'PARCEL_FIND' }, 3)).rejects.toMatchObject({
      serverCode: 'INVALID_REQUEST',
    });
  } finally {
    await client.close();
    await endpoint.close();
  }
});

/** As `npm run example:...` does, by this Node. */
function run(name: string, ...words: string[]) {
  const file = fileURLToPath(new URL(`../../docs/examples/ratatoskr/${name}.ts`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return `${status} ${stdout}${stderr}`;
}

it('say in one line what is wrong', async () => {
  expect(run('client')).toMatch(/^1 client: wanted: KEYFILE DEVICE USER .*\n$/);
  expect(run('server')).toBe('1 server: wanted: FOLDER PORT\n');
  expect(run('server', folder, 'http')).toBe('1 server: wanted: FOLDER PORT\n');
  expect(run('server', folder, '65536')).toBe('1 server: wanted: FOLDER PORT\n');
  expect(run('server', folder, '99999')).toBe('1 server: wanted: FOLDER PORT\n');
  const busy = createServer().listen(0, '127.0.0.1');
  await once(busy, 'listening');
  const { port } = busy.address() as AddressInfo;
  expect(run('server', folder, `${port}`)).toMatch(/^1 server: .*(in use|EADDRINUSE).*\n$/);
  busy.close();
  await once(busy, 'close');
  const nobody = `http://127.0.0.1:${port}/network.json`;
  const key = join(folder, 'key');
  const client = () => run('client', key, 'device', 'ann', nobody);
  expect(client()).toMatch(/^1 client: ENOENT: .*\n$/);
  const hex = '0a'.repeat(32);
  for (const text of ['', 'x'.repeat(64), hex.slice(1), `${hex}00`, `${hex}\n${hex}`]) {
    writeFileSync(key, text);
    expect(client(), text).toBe(`1 client: ${key}: this is no key file\n`);
  }
  writeFileSync(key, `${hex}\n`);
  expect(client()).toBe(`1 client: ${nobody} cannot be read: is npm start running?\n`);
});

it('have a script each, by the Node of the project', () => {
  const { scripts } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const document = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  for (const name of ['client', 'server']) {
    expect(scripts[`example:${name}`]).toContain(`node docs/examples/ratatoskr/${name}.ts`);
    expect(document).toContain(`npm run example:${name} -- `);
  }
});

it.each(['client', 'server'])('docs/api.md links %s.ts', (name) => {
  const document = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  expect(document).toContain(`(examples/ratatoskr/${name}.ts)`);
});
