import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { folderForTests } from '../testing/folder.ts';
import { askControl, type ControlHandler, ControlSocket } from './control-socket.ts';

const folder = folderForTests('control');
const open: ControlSocket[] = [];
const path = () => folder.at('control.sock');

afterEach(async () => {
  for (const socket of open.splice(0)) await socket.close();
});

async function opened(handler: ControlHandler): Promise<ControlSocket> {
  const socket = await ControlSocket.open(path(), handler);
  open.push(socket);
  return socket;
}

describe('a control socket', () => {
  it('answers one line with one line, and is its owner’s alone', async () => {
    await opened((request) => ({ heard: request }));
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    const asked = Array.from({ length: 40 }, (_, n) => askControl(path(), { n }));
    const answers = await Promise.all(asked.map((one) => one.catch(({ code }) => code)));
    // More than there may be at once are cut off, none is answered wrongly.
    for (const [n, answer] of answers.entries()) {
      if (typeof answer !== 'string') expect(answer).toEqual({ heard: { n } });
    }
    expect(answers.filter((answer) => typeof answer !== 'string').length).toBeGreaterThan(0);
  });

  it('tells what its node throws, by code and words', async () => {
    await opened(() => {
      throw Object.assign(new Error('not now'), { code: 'ANDVARI_NOT_NOW' });
    });
    const asking = askControl(path(), {});
    await expect(asking).rejects.toMatchObject({ code: 'ANDVARI_NOT_NOW', message: 'not now' });
  });

  it('hangs up on nonsense, and on a line without an end', async () => {
    let isAsked = false;
    await opened(() => {
      isAsked = true;
      return {};
    });
    for (const words of ['nonsense\n', 'x'.repeat((1 << 20) + 1)]) {
      const socket = connect({ path: path() });
      socket.on('error', () => {});
      socket.write(words);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect(isAsked).toBe(false);
  });

  it('is gone when it is closed, also for one who has not said anything', async () => {
    const socket = await opened(() => ({}));
    const silent = connect({ path: path() });
    await new Promise((resolve) => silent.once('connect', resolve));
    const gone = new Promise((resolve) => silent.once('close', resolve));
    silent.on('error', () => {});
    await socket.close();
    await gone;
    expect(existsSync(path())).toBe(false);
    const asking = askControl(path(), {});
    await expect(asking).rejects.toMatchObject({ code: 'ANDVARI_CONTROL_NOBODY' });
  });

  it('takes the place of nothing but a socket that nobody has', async () => {
    writeFileSync(path(), 'mine');
    const taken = { code: 'ANDVARI_CONTROL_SOCKET' };
    await expect(opened(() => ({}))).rejects.toMatchObject(taken);
    expect(readFileSync(path(), 'utf8')).toBe('mine');
    const long = ControlSocket.open(folder.at('x'.repeat(108)), () => ({}));
    await expect(long).rejects.toMatchObject(taken);
    await expect(askControl(path(), {})).rejects.toMatchObject({
      code: expect.stringMatching(/^ANDVARI_CONTROL_/),
    });
  });

  it('is asked by nobody where another program answers nonsense', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume().end('nonsense\n');
    });
    server.listen(path());
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const asking = askControl(path(), {});
      await expect(asking).rejects.toMatchObject({ code: 'ANDVARI_CONTROL_PROTOCOL' });
      await expect(opened(() => ({}))).rejects.toMatchObject({ code: 'ANDVARI_CONTROL_IN_USE' });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
