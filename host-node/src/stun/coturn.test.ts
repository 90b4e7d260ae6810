/** Our STUN client asks coturn, and coturn's clients ask our server. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { unlessRequired } from '@andvari/native-io/testing/veth';
import { describe, expect, it } from 'vitest';
import { closedAfterEach } from '../testing/closed-after-each.ts';
import { folderForTests } from '../testing/folder.ts';
import { keptPorts } from '../testing/ports.ts';
import { examineNat } from './nat.ts';
import { StunServer } from './stun-server.ts';
import { openStunSocket } from './stun-socket.ts';

const atEnd = closedAfterEach();
const folder = folderForTests('coturn');
const hasCoturn = spawnSync('turnutils_stunclient').error === undefined;
const why = unlessRequired('STUN with coturn', hasCoturn ? undefined : 'no coturn');
const HERE = { host: '127.0.0.1', port: 0 };

function run(command: string, words: readonly string[]): { child: ChildProcess; out: string } {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'ignore'], cwd: folder.path });
  const running = { child, out: '' };
  child.stdout?.on('data', (part) => {
    running.out += part;
  });
  atEnd(() => void child.kill('SIGKILL'));
  return running;
}

async function asker() {
  const socket = await openStunSocket(HERE);
  atEnd(() => socket.close());
  return socket;
}

describe.skipIf(why)(`STUN and coturn${why ? ` (${why})` : ''}`, () => {
  it('our client understands coturn', async () => {
    const port = await keptPorts(2);
    const other = port + 1;
    const hosts = ['127.0.0.1', '127.0.0.2'].flatMap((host) => ['-L', host]);
    const ports = ['-p', `${port}`, '--alt-listening-port', `${other}`];
    const quiet = ['--no-tls', '--no-dtls', '--no-cli', '--log-file', 'stdout'];
    const own = ['--pidfile', folder.at('pid'), '--userdb', folder.at('db')];
    run('turnserver', ['-n', '--stun-only', ...hosts, ...ports, ...quiet, ...own]);
    const { client, bound } = await asker();
    const server = { host: '127.0.0.1', port };
    expect(await examineNat(client, server, bound)).toMatchObject({
      ...{ mapped: bound, isTranslated: false },
      ...{ mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
    });
    expect((await client.ask(server)).other).toEqual({ host: '127.0.0.2', port: other });
  }, 60_000);

  it("coturn's client for RFC 5780 understands our server", async () => {
    const other = await keptPorts();
    const options = { listen: HERE, other: { host: '127.0.0.2', port: other } };
    const server = await StunServer.open(options);
    atEnd(() => server.close());
    const { port } = server.address;
    const { child, out } = await ended('turnutils_natdiscovery', ['-m', '-f', '-p', `${port}`]);
    expect(child.exitCode).toBe(0);
    expect(out).toContain('NAT with Endpoint Independent Mapping!');
    expect(out).toContain('NAT with Endpoint Independent Filtering!');
    expect(out).toContain(`Other addr: : 127.0.0.2:${other}`);
    expect(server.counts).toMatchObject({ refused: 0, limited: 0, ignored: 0 });
  }, 60_000);
});

async function ended(command: string, words: readonly string[]) {
  const running = run(command, [...words, '127.0.0.1']);
  await new Promise((resolve) => running.child.once('close', resolve));
  return running;
}
