/** Bans over restarts, and the keys beside them. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostPeerClock, type PeerClock } from '@andvari/host-common/peer/peer-clock';
import { peerIdBytes, peerIdOfKey, peerIdText } from '@andvari/host-common/peer/peer-id';
import { describe, expect, it } from 'vitest';
import { NodeEd25519Signer } from '../ratatoskr/node-ed25519.ts';
import { folderForTests } from '../testing/folder.ts';
import { BanFile, BanFileError } from './ban-file.ts';
import { openPeerKeys, openPeerNode, peerFiles } from './open-peer-node.ts';

const here = folderForTests('peer');
const EVE = peerIdText(peerIdOfKey(new Uint8Array(32).fill(7)));
const BOB = peerIdText(peerIdOfKey(new Uint8Array(32).fill(9)));
const HOUR_MS = 3_600_000;

/** An hour's ban is over after it, without a node that runs. */
function clockAhead(aheadMs: number): PeerClock {
  return { ...hostPeerClock, nowMs: () => Date.now() + aheadMs };
}

async function startHere(clock?: PeerClock) {
  const names = { networkName: 'testnet', instanceId: 'inst-1', whitelist: [] };
  const node = await openPeerNode({
    folder: here.path,
    listen: [],
    ...names,
    ...(clock && { clock }),
  });
  await node.start();
  return node;
}

describe('the file of bans', () => {
  it('gives back what it was given, with mode 0600 and nothing beside it', async () => {
    const path = here.at('new/bans.json');
    const file = new BanFile(path);
    expect(await file.load()).toEqual([]);
    const bans = [
      { peerId: peerIdBytes(EVE), untilMs: 1_767_225_600_000 },
      { peerId: peerIdBytes(BOB), untilMs: Number.POSITIVE_INFINITY },
    ];
    await file.save(bans);
    await file.save(bans.toReversed());
    expect(await new BanFile(path).load()).toEqual(bans.toReversed());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(here.at('new'))).toEqual(['bans.json']);
  });

  it('takes no other document, and says in one sentence why', async () => {
    const path = here.at('bans.json');
    const ban = (fields: object) => JSON.stringify({ format: 1, bans: [fields] });
    const wrong: [string, RegExp][] = [
      ['', /wanted JSON$/],
      ['{"format":1,"bans":[', /wanted JSON$/],
      ['{"format":2,"bans":[]}', /format: /],
      ['{"format":1}', /bans: /],
      [ban({ peer_id: EVE }), /bans\.0\.until_ms: /],
      [ban({ peer_id: EVE, until_ms: -1 }), /bans\.0\.until_ms: /],
      [ban({ peer_id: EVE, until_ms: 'soon' }), /bans\.0\.until_ms: /],
      [ban({ peer_id: `${EVE}x`, until_ms: 1 }), /bans\.0: no peer id of Ed25519/],
      [ban({ peer_id: EVE, until_ms: 1, why: '' }), /bans\.0: /],
      [' '.repeat(2 ** 20 + 1), /1048577 bytes, 1048576 at most$/],
    ];
    for (const [text, why] of wrong) {
      writeFileSync(path, text);
      const error: unknown = await new BanFile(path).load().catch((thrown: unknown) => thrown);
      expect(error, text.slice(0, 80)).toBeInstanceOf(BanFileError);
      expect((error as BanFileError).message).toMatch(why);
      expect((error as BanFileError).message).toMatch(/^\/.*bans\.json: [^\n]*$/);
    }
    mkdirSync(here.at('folder'));
    await expect(new BanFile(here.at('folder')).load()).rejects.toThrow('no regular file');
  });

  it('is what a node needs to start', async () => {
    writeFileSync(here.at('bans.json'), '{');
    await expect(startHere()).rejects.toBeInstanceOf(BanFileError);
    expect(readFileSync(here.at('bans.json'), 'utf8')).toBe('{');
  });
});

describe('a node that is killed', () => {
  it('keeps its bans and its keys, and a ban ends while it is stopped', async () => {
    const execArgv: string[] = [];
    const program = new URL('./testing/banning-process.ts', import.meta.url);
    const child = fork(program, [here.path, EVE], { execArgv });
    const [bans] = (await once(child, 'message')) as [{ peerId: string; untilMs: number }[]];
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(bans).toMatchObject([{ peerId: EVE }]);
    const keys = await openPeerKeys(here.path);
    const again = await startHere();
    expect(again.bannedPeers()).toEqual(bans);
    expect(again.peerId).toBe(peerIdOfSeed(keys.libp2pSeed));
    again.ban(BOB, Number.POSITIVE_INFINITY);
    await again.stop();
    const later = await startHere(clockAhead(HOUR_MS + 1000));
    expect(later.bannedPeers()).toEqual([{ peerId: BOB, untilMs: Number.POSITIVE_INFINITY }]);
    later.unban(BOB);
    await later.stop();
    const last = await startHere();
    expect(last.bannedPeers().map(({ peerId }) => peerId)).toEqual([]);
    await last.stop();
  });
});

describe('the keys of a node', () => {
  it('are made once, for the owner alone', async () => {
    const [one, two] = [await openPeerKeys(here.at('keys')), await openPeerKeys(here.at('keys'))];
    expect(two.libp2pSeed).toEqual(one.libp2pSeed);
    expect(two.signer.publicKey).toEqual(one.signer.publicKey);
    expect(peerIdOfSeed(one.libp2pSeed)).not.toBe(peerIdText(peerIdOfKey(one.signer.publicKey)));
    const { libp2pKey, instanceKey } = peerFiles(here.at('keys'));
    for (const path of [libp2pKey, instanceKey]) expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(instanceKey, 0o644);
    await expect(openPeerKeys(here.at('keys'))).rejects.toThrow('is open to others');
  });

  it('can be sealed', async () => {
    const { signer } = await openPeerKeys(here.at('keys'), 'a passphrase');
    const again = await openPeerKeys(here.at('keys'), 'a passphrase');
    expect(again.signer.publicKey).toEqual(signer.publicKey);
    await expect(openPeerKeys(here.at('keys'))).rejects.toThrow();
    await expect(openPeerKeys(here.at('keys'), 'another one')).rejects.toThrow();
  });
});

function peerIdOfSeed(seed: Uint8Array): string {
  return peerIdText(peerIdOfKey(new NodeEd25519Signer(seed).publicKey));
}
