// andvari serve with [transfer], and andvari status, as processes of their own.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { afterEach, describe, expect, it } from 'vitest';
import { TransferNode } from '../transfer/node.ts';
import { nobody } from '../transfer/node-config.ts';
import type { ChildProgram } from './child-program.ts';
import { twoNodes } from './testing/two-nodes.ts';

const PATIENCE_MS = 60_000;
const nodes = twoNodes('serve-transfer');
const { folder } = nodes;
const open: TransferNode[] = [];
const socket = () => folder.at('receiver/andvari/control.sock');

afterEach(async () => {
  for (const node of open.splice(0)) await node.shutdown();
});

/** The receiver's server, which trusts the sender; how it is called. */
function serving(...lines: string[]): Promise<{ server: ChildProgram; peer: string }> {
  return servingBeside(
    'raida.number = 0\nraida.listen = "127.0.0.1:0"\nraida.pages_per_denomination = 1\n' +
      'store.url = "memory:"\nio.workers = 1',
    ...lines,
  );
}

/** @param servers what else it is */
async function servingBeside(servers: string, ...lines: string[]) {
  const text = [
    servers,
    'http.listen = "127.0.0.1:0"\nlog.level = "warn"',
    '[transfer]\nlisten = "127.0.0.1:0"\nfolder = "in"',
    ...lines,
  ];
  writeFileSync(folder.at('node.toml'), `${text.join('\n')}\n`);
  const words = ['serve', '--config', folder.at('node.toml')];
  const server = nodes.run('receiver', [...words, '--node-data-dir', folder.at('data')]);
  const { transfer } = await server.event('ready');
  const [peer = ''] = transfer as string[];
  return { server, peer };
}

/** A node of this process, with the sender's identity; what it sends can be held. */
async function sender(relay?: string): Promise<TransferNode> {
  const data = { dataFolder: folder.at('sender/andvari'), host: '127.0.0.1', trust: nobody, relay };
  const node = await TransferNode.create(data);
  open.push(node);
  return node;
}

/** A file that has been taken by the server, and of which nothing goes yet. */
async function held(peer: string, relay?: string): Promise<FileTransfer> {
  const node = await sender(relay);
  const transfer = await node.sendFile(nodes.fileOf('held.bin', randomBytes(3 << 20)), peer);
  transfer.pause();
  return transfer;
}

/** What `andvari status` says, once it shows so many. */
async function statusOf(count: number) {
  for (;;) {
    const status = nodes.run('receiver', ['status']);
    expect(await status.ended, status.err).toMatchObject({ code: 0 });
    const answer = JSON.parse(status.out);
    if (answer.transfers.length === count) return answer;
  }
}

const ended = (transfer: FileTransfer) =>
  transfer.completion.then(
    () => '',
    ({ code }) => code,
  );

describe('andvari serve with [transfer]', () => {
  it(
    'takes what a trusted peer sends, and nothing of a stranger',
    async () => {
      const { server, peer } = await serving();
      const bytes = randomBytes(1_000_000);
      const path = nodes.fileOf('a.bin', bytes);
      const known = nodes.sending(path, peer);
      expect(await known.ended, known.err).toMatchObject({ code: 0 });
      expect(readFileSync(folder.at('in/a.bin')).equals(bytes)).toBe(true);
      // Taken back while it runs.
      writeFileSync(folder.at('receiver/andvari/known_peers'), '');
      const stranger = nodes.run('sender', ['send', path, peer, '--timeout', '1500']);
      expect(await stranger.ended).toMatchObject({ code: 2 });
      expect(readdirSync(folder.at('in'))).toEqual(['a.bin']);
      server.child.kill('SIGTERM');
      expect(await server.ended, server.err).toMatchObject({ code: 0 });
    },
    PATIENCE_MS,
  );

  it(
    'is all that there need be: no RAIDA server, no store',
    async () => {
      const { server, peer } = await servingBeside('');
      const ready = await server.event('ready');
      expect(Object.keys(ready).sort()).toEqual(['event', 'http', 'transfer']);
      const path = nodes.fileOf('a.bin', randomBytes(100_000));
      const sender = nodes.sending(path, peer);
      expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
      expect(readFileSync(folder.at('in/a.bin')).equals(readFileSync(path))).toBe(true);
      await statusOf(0);
      const get = (page: string) => fetch(`http://${ready['http']}${page}`);
      const answers = ['/healthz', '/readyz', '/raida'].map(
        async (page) => (await get(page)).status,
      );
      expect(await Promise.all(answers)).toEqual([200, 200, 404]);
      const metrics = await (await get('/metrics')).text();
      expect(metrics).toMatch(/^andvari_ready 1$/m);
      expect(metrics).toMatch(/^andvari_transfer_upgrades_total\{result="begun"\} 0$/m);
      expect(metrics).not.toMatch(/andvari_(raida|udp|tcp|websocket)/);
      expect(readdirSync(folder.at('data'))).toEqual([]);
      server.child.kill('SIGTERM');
      expect(await server.ended, server.err).toMatchObject({ code: 0 });
    },
    PATIENCE_MS,
  );

  it(
    'is called at its relay too',
    async () => {
      const relay = nodes.run('receiver', ['relay', '--listen', '127.0.0.1:0', '--plain']);
      const { urls } = (await relay.event('ready')) as unknown as { urls: [string] };
      const { peer } = await serving(`relay = "${urls[0]}"`);
      expect(peer).toBe(`${nodes.receiverId}@${urls[0]}`);
      const bytes = randomBytes(100_000);
      const sender = nodes.sending(nodes.fileOf('a.bin', bytes), peer);
      expect(await sender.ended, sender.err).toMatchObject({ code: 0 });
      expect(await sender.event('sent')).toMatchObject({ way: 'relayed' });
      expect(readFileSync(folder.at('in/a.bin')).equals(bytes)).toBe(true);
    },
    PATIENCE_MS,
  );

  it(
    'shows by which way it comes, and counts what was tried for that',
    async () => {
      const relay = nodes.run('receiver', ['relay', '--listen', '127.0.0.1:0', '--plain']);
      const { urls } = (await relay.event('ready')) as unknown as { urls: [string] };
      const { peer, server } = await serving(`relay = "${urls[0]}"`);
      const transfer = await held(peer, urls[0]);
      let [status] = (await statusOf(1)).transfers;
      while (status.way !== 'punched') [status] = (await statusOf(1)).transfers;
      expect(status).toMatchObject({
        roundTripMs: expect.any(Number),
        upgrade: {
          ...{ state: 'direct', attempts: 1, at: expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
          // A question that is asked twice, since its answer was late, is refused once.
          refused: { questions: expect.any(Number), probes: expect.any(Number), addresses: 0 },
        },
      });
      expect(status.upgrade).not.toHaveProperty('farEnd');
      const { http } = await server.event('ready');
      const metrics = await (await fetch(`http://${http}/metrics`)).text();
      expect(metrics).toMatch(/^andvari_transfer_upgrades_total\{result="direct"\} 1$/m);
      expect(metrics).toMatch(/^andvari_transfer_upgrades_total\{result="begun"\} 1$/m);
      expect(metrics).toMatch(/^andvari_transfer_upgrade_refusals_total\{result="addresses"\} 0$/m);
      expect(metrics).toMatch(/^andvari_transfer_stun_answers_total\{result="forged"\} 0$/m);
      const code = ended(transfer);
      await transfer.cancel();
      expect(await code).toBe('ANDVARI_TRANSFER_CANCELLED');
    },
    PATIENCE_MS,
  );

  it(
    'shows what is on its way, and cancels it: what has come is kept',
    async () => {
      const { peer } = await serving();
      expect((await statusOf(0)).peer).toBe(nodes.receiverId);
      expect(statSync(socket()).mode & 0o777).toBe(0o600);
      const transfer = await held(peer);
      const { transfers } = await statusOf(1);
      const id = Buffer.from(transfer.id).toString('hex');
      expect(transfers).toMatchObject([
        { id, name: 'held.bin', direction: 'receive', state: 'running', totalBytes: 3 << 20 },
      ]);
      const unknown = nodes.run('receiver', ['status', '--cancel', 'no']);
      expect(await unknown.ended).toMatchObject({ code: 1 });
      expect(unknown.err).toMatch(/no transfer has.*\(ANDVARI_TRANSFER_UNKNOWN\)\n$/);
      const cancel = nodes.run('receiver', ['status', '--cancel', id.slice(0, 12)]);
      expect(await cancel.ended, cancel.err).toMatchObject({ code: 0 });
      expect(JSON.parse(cancel.out)).toEqual({ cancelled: id });
      expect(await ended(transfer)).toBe('ANDVARI_TRANSFER_CANCELLED');
      await statusOf(0);
      const again = nodes.sending(folder.at('held.bin'), peer);
      expect(await again.ended, again.err).toMatchObject({ code: 0 });
    },
    PATIENCE_MS,
  );

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends it in the middle of a transfer, and nothing is left open',
    async (signal) => {
      const { server, peer } = await serving();
      const transfer = await held(peer);
      await statusOf(1);
      server.child.kill(signal);
      expect(await server.ended, server.err).toMatchObject({ code: 0 });
      expect(server.events('stopped')).toHaveLength(1);
      expect(await ended(transfer)).toBe('ANDVARI_TRANSFER_CANCELLED');
      expect(existsSync(socket())).toBe(false);
      const status = nodes.run('receiver', ['status']);
      expect(await status.ended).toMatchObject({ code: 2 });
      expect(status.err).toMatch(/no node runs.*\(ANDVARI_CONTROL_NOBODY\)\n$/);
    },
    PATIENCE_MS,
  );

  it(
    'starts again behind one that was killed, and beside none that runs',
    async () => {
      const { server } = await serving();
      const words = ['serve', '--config', folder.at('node.toml')];
      const second = nodes.run('receiver', [...words, '--node-data-dir', folder.at('data')]);
      expect(await second.ended).toMatchObject({ code: 4 });
      expect(second.err).toMatch(/\(ANDVARI_CONTROL_IN_USE\)\n$/);
      server.child.kill('SIGKILL');
      await server.ended;
      expect(existsSync(socket())).toBe(true);
      await serving('max_transfers = 1');
      await statusOf(0);
    },
    PATIENCE_MS,
  );

  it('wants an identity', async () => {
    writeFileSync(folder.at('node.toml'), 'raida.number = 0\n');
    const words = ['--transfer-listen', '127.0.0.1:0', '--transfer-identity-file', 'nowhere'];
    const own = ['--raida-listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0'];
    const more = ['--store-url', 'memory:', '--node-data-dir', folder.at('data')];
    const all = ['serve', '--config', folder.at('node.toml'), ...words, ...own, ...more];
    const server = nodes.run('receiver', [...all, '--log-level', 'fatal', '--io-workers', '1']);
    expect(await server.ended).toMatchObject({ code: 1 });
    expect(server.err).toMatch(/no identity file .*nowhere.*\(ANDVARI_IDENTITY_MISSING\)\n$/);
  });
});
