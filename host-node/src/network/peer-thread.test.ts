/** Two servers as peers in a thread of their own. */
import { expect, it, vi } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { folderForTests } from '../testing/folder.ts';
import type { ServerNumbers } from './peer-mesh.ts';
import { countRoot } from './peer-status.ts';
import { PeerThread } from './peer-thread.ts';

const folder = folderForTests('peer-thread');
const good = { version: '1', ready: true, coins: 0, countRoot: countRoot([]), load: 3 };

function start(ports: readonly number[], numbers: () => ServerNumbers[], lines: string[] = []) {
  return PeerThread.start({
    ...{ folders: ports.map((_, n) => folder.at(`raida-${n}`)), ports, numbers, statusMs: 20 },
    logger: createLogger({ level: 'warn', json: true, write: (line) => lines.push(line) }),
  });
}

it('tells what is asked of the servers, and answers for each', async () => {
  const lines: string[] = [];
  let coins = 7;
  const thread = await start([0, 0], () => [good, { ...good, coins }], lines);
  try {
    await vi.waitFor(() => {
      expect(thread.rows).toMatchObject([{ load: 3 }, { verified: 1, others: 1, coins: 7 }]);
    });
    const [first, second] = thread.addresses;
    expect(await thread.ask(0, { command: 'list' })).toMatchObject({ peerId: first?.peerId });
    const ping = { command: 'ping', peer: second?.peerId };
    expect(await thread.ask(0, ping)).toMatchObject({ knowsPing: true });
    const code = 'ANDVARI_CONTROL_PROTOCOL';
    await expect(thread.ask(0, { command: 'kick' })).rejects.toMatchObject({ code });
    const { ageMs = 0 } = thread.rows[1] ?? {};
    await vi.waitFor(() => expect(thread.rows[1]?.ageMs).not.toBe(ageMs));
    expect(lines).toEqual([]);
    coins = -1;
    await vi.waitFor(() => expect(lines.join('')).toContain('ANDVARI_PEER_STATUS'));
  } finally {
    await thread.close();
  }
  const code = 'ANDVARI_PEER_STOPPED';
  await expect(thread.ask(0, { command: 'list' })).rejects.toMatchObject({ code });
});

it('says which port is taken, and has nothing open then', async () => {
  const one = await start([0], () => []);
  const port = Number(one.addresses[0]?.address.split('/')[4]);
  const code = 'ANDVARI_PORT_IN_USE';
  await expect(start([0, port], () => [])).rejects.toMatchObject({ code });
  await one.close();
  const again = await start([port], () => []);
  expect(again.addresses[0]?.address).toContain(`/tcp/${port}/`);
  await again.close();
});
