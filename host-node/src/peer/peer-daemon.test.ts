/** A server's peer node: whom it finds, and a whitelist that is read anew while it runs. */
import { chmodSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { folderForTests } from '../testing/folder.ts';
import { openPeerKeys } from './open-peer-node.ts';
import { PeerDaemon } from './peer-daemon.ts';

const here = folderForTests('peer-daemon');
const running: PeerDaemon[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.close()));
});

async function start(
  name: string,
  keys: readonly string[],
  connect: readonly string[] = [],
  requests = 100,
) {
  const lines: string[] = [];
  const at = (file: string) => here.at(`${name}/${file}`);
  writeFileSync(at('whitelist'), keys.join('\n'));
  const daemon = await PeerDaemon.open(
    {
      listen: { host: '127.0.0.1', port: 0 },
      ...{ networkName: 'testnet', instanceId: 'inst-1', targetPeers: 25, connect },
      ...{ requests, broadcasts: 100, mdns: false },
      ...{ folder: here.at(name), keyFile: at('instance.key'), banFile: at('bans.json') },
      ...{ whitelistFile: at('whitelist'), controlSocket: at('control/peer.sock') },
    },
    createLogger({ level: 'info', write: (line) => lines.push(line) }),
  );
  running.push(daemon);
  return { daemon, lines, whitelist: at('whitelist') };
}

const keyOf = async (name: string) =>
  Buffer.from((await openPeerKeys(here.at(name))).signer.publicKey).toString('hex');
const verified = ({ node }: PeerDaemon) => node.peers().filter(({ isVerified }) => isVerified);

describe('the peer node of a server', () => {
  it('answers no more requests of a peer than it may', async () => {
    const keys = [await keyOf('one'), await keyOf('two')];
    const one = await start('one', keys, [], 2);
    const two = await start('two', keys, one.daemon.node.addresses());
    await expect.poll(() => verified(two.daemon)).toHaveLength(1);
    one.daemon.node.handle('echo', () => undefined);
    const { peerId } = one.daemon.node;
    const ask = () => two.daemon.node.send(peerId, 'echo', new Uint8Array(1));
    const answers = [await ask(), await ask(), await ask()];
    expect(answers.some((answer) => JSON.stringify(answer).includes('429'))).toBe(true);
  }, 60_000);

  it('keeps its whitelist when the file is damaged, and says so', async () => {
    const keys = [await keyOf('one'), await keyOf('two')];
    const one = await start('one', keys);
    await start('two', keys, one.daemon.node.addresses());
    await expect.poll(() => verified(one.daemon)).toHaveLength(1);
    const damages: [() => void, string][] = [
      [() => writeFileSync(one.whitelist, `${keys[0]}\n${keys[1]?.slice(1)}`), 'line 2: wanted'],
      [() => writeFileSync(one.whitelist, Uint8Array.of(0xff)), 'no text in UTF-8'],
      [() => chmodSync(one.whitelist, 0o666), 'others may write it'],
      [() => unlinkSync(one.whitelist), 'it is not there'],
    ];
    for (const [damage, why] of damages) {
      damage();
      one.lines.length = 0;
      one.daemon.reload();
      expect(one.lines.join(''), why).toContain('the old whitelist of peers stays');
      expect(one.lines.join('')).toContain(why);
      expect(verified(one.daemon)).toHaveLength(1);
    }
  });

  it('takes one that is whole, at once', async () => {
    const keys = [await keyOf('one'), await keyOf('two')];
    const one = await start('one', keys);
    await start('two', keys, one.daemon.node.addresses());
    await expect.poll(() => verified(one.daemon)).toHaveLength(1);
    writeFileSync(one.whitelist, keys[0] ?? '');
    one.daemon.reload();
    expect(one.lines.join('')).toContain('the whitelist of peers was read');
    expect(verified(one.daemon)).toEqual([]);
  });
});
