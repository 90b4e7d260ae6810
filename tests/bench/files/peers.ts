/** Ours, and the programs that are on every machine beside which it is measured. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peerIdText } from '../../../host-common/src/transfer/peer-id-text.ts';
import { createIdentity } from '../../../host-node/src/transfer/identity-store.ts';
import { KnownPeers } from '../../../host-node/src/transfer/known-peers.ts';
import { identityOfSeed } from '../../../host-node/src/transfer/node-identity.ts';
import { makeCertificate } from '../../../host-node/src/webtransport/certificate-der.ts';
import { loadQuicBinding } from '../../../host-node/src/webtransport/quic-binding.ts';
import { firstLine, type Peer, program, type Run, type Side } from './run.ts';
import { Watched } from './watched.ts';

const ANDVARI = join(import.meta.dirname, '../../../host-node/bin/andvari.mjs');
const QUIC_COPY = fileURLToPath(new URL('./quic-copy.ts', import.meta.url));

/** The receiver trusts the sender. */
export const ours: Peer = {
  name: 'andvari',
  remark: 'encrypted; every chunk hashed, the file synced before it has its name',
  programs: [],
  folders: true,
  version: () => firstLine(process.execPath, ANDVARI, '--version'),
  async copy(run) {
    const [sender, receiver] = [await node(run, 'sender'), await node(run, 'receiver')];
    KnownPeers.load(join(run.folder, 'receiver/andvari/known_peers')).add(sender.peerId, 'sender');
    const start = (side: Side, ...words: string[]) =>
      run.start(side, [process.execPath, ANDVARI, ...words, '--json'], {
        environment: { XDG_DATA_HOME: join(run.folder, side), ANDVARI_PASSPHRASE_FILE: '' },
      });
    const { receiverHost } = run.place;
    const address = `${receiverHost}:${await run.port()}`;
    const waiting = start('receiver', 'receive', '--yes', '-o', run.into, '--listen', address);
    await waiting.says(/"ready"/);
    run.begin();
    const going = start('sender', 'send', run.source, `${peerIdText(receiver.peerId)}@${address}`);
    await run.end(going, waiting);
  },
};

async function node(run: Run, name: string) {
  const data = join(run.folder, name, 'andvari');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  return identityOfSeed(await createIdentity(join(data, 'identity.key')));
}

/** A server with keys and a configuration of its own. */
export const scp: Peer = {
  name: 'scp',
  remark: 'encrypted',
  programs: ['scp', 'sshd', 'ssh-keygen'],
  folders: true,
  version: () => firstLine('ssh', '-V'),
  async copy(run) {
    const at = (name: string) => join(run.folder, name);
    for (const key of ['host', 'user']) {
      const make = [program('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f', at(key)];
      await run.end(new Watched(make));
    }
    const port = await run.port();
    const { receiverHost } = run.place;
    const lines = [
      `ListenAddress ${receiverHost}:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('user.pub')}`,
      ...['PidFile none', 'StrictModes no', 'UsePAM no', 'Subsystem sftp internal-sftp'],
    ];
    writeFileSync(at('sshd_config'), `${lines.join('\n')}\n`);
    // sshd wants this folder, which its service makes.
    const made = mkdirSync('/run/sshd', { recursive: true });
    try {
      const server = run.start('receiver', [program('sshd'), '-D', '-e', '-f', at('sshd_config')]);
      await server.listens(port);
      const known = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${at('known')}`];
      const words = ['-q', '-B', '-F', 'none', '-i', at('user'), ...known, '-P', String(port)];
      if (run.isFolder) words.push('-r');
      run.begin();
      const target = `${userInfo().username}@${receiverHost}:${run.into}/`;
      await run.end(run.start('sender', [program('scp'), ...words, run.source, target]));
    } finally {
      if (made !== undefined) rmSync(made, { recursive: true });
    }
  },
};

export const rsync: Peer = {
  name: 'rsync',
  remark: 'a daemon: not encrypted',
  programs: ['rsync'],
  folders: true,
  version: () => firstLine('rsync', '--version'),
  async copy(run) {
    const file = join(run.folder, 'rsyncd.conf');
    const { uid, gid } = userInfo();
    const lines = ['use chroot = no', 'read only = no', `uid = ${uid}`, `gid = ${gid}`];
    writeFileSync(file, ['[in]', `path = ${run.into}`, ...lines, ''].join('\n'));
    const port = await run.port();
    const { receiverHost } = run.place;
    const own = ['--no-detach', `--config=${file}`, `--port=${port}`, `--address=${receiverHost}`];
    const server = run.start('receiver', [program('rsync'), '--daemon', ...own]);
    await server.listens(port);
    run.begin();
    const words = [...(run.isFolder ? ['-r'] : []), run.source];
    const target = `rsync://${receiverHost}:${port}/in/`;
    await run.end(run.start('sender', [program('rsync'), ...words, target]));
  },
};

/** quiche over node:dgram: what somebody gets who copies over QUIC in Node. */
export const quic: Peer = {
  name: 'QUIC copy',
  remark: 'encrypted; quiche 0.18 of @matrixai/quic over node:dgram, one stream, BBR',
  programs: [],
  version: () => {
    loadQuicBinding();
    return undefined;
  },
  async copy(run) {
    const now = Date.now();
    const times = { notBeforeMs: now - 60_000, notAfterMs: now + 86_400_000 };
    const { cert, key } = makeCertificate({ hosts: ['localhost'], ...times });
    const at = (name: string) => join(run.folder, name);
    writeFileSync(at('cert.pem'), cert);
    writeFileSync(at('key.pem'), key);
    const port = String(await run.port());
    const copy = [process.execPath, QUIC_COPY];
    const { senderHost, receiverHost } = run.place;
    const files = [at('cert.pem'), at('key.pem'), join(run.into, basename(run.source))];
    const server = run.start('receiver', [...copy, 'receive', receiverHost, port, ...files]);
    await server.says(/ready/);
    run.begin();
    const words = ['send', senderHost, receiverHost, port, run.source];
    await run.end(run.start('sender', [...copy, ...words]), server);
  },
};
