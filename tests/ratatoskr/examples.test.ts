/** docs/examples/ratatoskr: the client talks to the server, and docs/api.md shows both. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, askUntilKnown, clientOf } from '../../docs/examples/ratatoskr/client.ts';
import { startServer } from '../../docs/examples/ratatoskr/server.ts';
import { NodeEd25519Signer } from '../../host-node/src/ratatoskr/node-ed25519.ts';

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
    expect(await ask(client, take, 'the same')).toEqual({ ok: false });
    expect(await ask(client, { ...take, parcel: 'p2' }, 'once')).toEqual({ ok: true });
    expect(await ask(client, { ...take, parcel: 'p2' }, 'once')).toEqual({ ok: true });
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

it.each(['client', 'server'])('docs/api.md links %s.ts', (name) => {
  const document = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
  expect(document).toContain(`(examples/ratatoskr/${name}.ts)`);
});
