import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import type { RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { verifyAuditFiles } from './audit/audit-verify.ts';
import { writeDevices } from './device-file.ts';
import { signerOf, TestPeer } from './testing/test-peer.ts';

const PROGRAM = new URL('./testing/endpoint-process.ts', import.meta.url);
const long = process.env.ANDVARI_LONG === '1';

let folder = '';
let codec: RatatoskrCodec;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'andvari-restart-'));
  const { publicKey } = signerOf('d');
  writeDevices(join(folder, 'devices.json'), [
    { deviceId: 'd', publicKey, userIds: new Set(['u']), revoked: false },
  ]);
  codec = RatatoskrCodec.create({ module: await plainEngine() });
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  rmSync(folder, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** With a clock that is so many seconds behind. */
async function start(behindS = 0): Promise<{ child: ChildProcess; peer: TestPeer }> {
  const clock = `const now = Date.now; Date.now = () => now() - ${behindS * 1000};`;
  const child = fork(PROGRAM, [folder], {
    execArgv: ['--import', `data:text/javascript,${clock}`],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  const [{ url }] = (await once(child, 'message')) as [RatatoskrAddress];
  const nowS = () => Math.floor(Date.now() / 1000) - behindS;
  const peer = new TestPeer(url, { deviceId: 'd', userId: 'u', codec, nowS });
  await peer.opened;
  expect((await peer.ask(peer.connectionRequest())).success).toBe(true);
  return { child, peer };
}

const executed = () => readFileSync(join(folder, 'executed'), 'utf8').trimEnd().split('\n');
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('a server that is killed and comes back', () => {
  it('executes no request twice, and gives answers that it had given again', async () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    const ids = Array.from({ length: long ? 2000 : 200 }, (_, i) => `request-${i}`);
    const waits = ids.map(() => random(30));
    const answers = new Map<string, RatatoskrResponse>();
    const changed: string[] = [];
    for (let run = 0; run < (long ? 8 : 3); run++) {
      const { child, peer } = await start();
      for (const [index, requestId] of ids.entries()) {
        const payload = new TextEncoder().encode(JSON.stringify({ waitMs: waits[index] }));
        peer.send(peer.request({ requestId, payload }));
      }
      // Killed in the middle; the last run is left to its end.
      const share = run === (long ? 7 : 2) ? ids.length : 1 + random(ids.length - 1);
      await peer.answer(share);
      await kill(child);
      for (const answer of peer.answers.slice(1)) {
        const before = answers.get(answer.requestId);
        const same = before === undefined || text(before.payload) === text(answer.payload);
        if (!same) changed.push(answer.requestId);
        if (answer.success) answers.set(answer.requestId, answer);
        else expect(answer.errorCode, `seed ${seed}`).toBe('SERVICE_UNAVAILABLE');
      }
    }
    const lines = executed();
    expect(new Set(lines).size, `seed ${seed}`).toBe(lines.length);
    // What began and was not executed when the end came is unknown, not done.
    const undone = ids.filter((id) => !lines.includes(id));
    expect(
      undone.filter((id) => answers.has(id)),
      `seed ${seed}`,
    ).toEqual([]);
    expect(answers.size, `seed ${seed}`).toBeGreaterThan(0);
    expect(changed, `seed ${seed}`).toEqual([]);
    expect(verifyAuditFiles(join(folder, 'audit.log')), `seed ${seed}`).toMatchObject({
      ok: true,
      breaks: [],
    });
  }, 180_000);

  it('takes no message that the process before it may have taken', async () => {
    const first = await start();
    const hello = first.peer.connectionRequest();
    expect((await first.peer.ask(hello)).success).toBe(true);
    await kill(first.child);
    const second = await start();
    expect((await second.peer.ask(hello)).errorCode).toBe('TIMESTAMP_INVALID');
    expect((await second.peer.ask(second.peer.connectionRequest())).success).toBe(true);
  });

  it('opens no session for what the process before it took, its clock set back', async () => {
    const first = await start();
    const hello = first.peer.connectionRequest();
    expect((await first.peer.ask(hello)).success).toBe(true);
    await kill(first.child);
    // By more than a start takes, on a busy machine too.
    const behindS = 10;
    const second = await start(behindS);
    // Signed after its start, as it seems now.
    const takenMs = (Number(hello.timestamp) + behindS) * 1000;
    await setTimeout(Math.max(0, takenMs - Date.now()));
    expect((await second.peer.ask(hello)).errorCode).toBe('REPLAY');
    expect((await second.peer.ask(second.peer.connectionRequest())).success).toBe(true);
  });
});
