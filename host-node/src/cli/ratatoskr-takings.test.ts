/** What was paid to Heidrun, taken out by its operator and spent, against 25 servers. */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDemoServices } from '../ratatoskr/services/demo-services.ts';
import { Payments } from '../ratatoskr/services/heidrun-payments.ts';
import { CliNetwork, runCli } from './testing/cli-network.ts';

let place: CliNetwork;
let folder = '';
beforeAll(async () => {
  place = await CliNetwork.start('takings');
});
afterAll(() => place.remove());
beforeEach(() => {
  folder = place.folder();
});

const takings = (...words: string[]) =>
  runCli(['ratatoskr', 'takings', '--folder', join(folder, 'services'), '--out', folder, ...words]);

/** Heidrun as a server has it, with files below `folder`. */
function openServices() {
  const servers = place.network.socketNetwork.servers.map(({ url }) => {
    const { hostname, port } = new URL(url);
    return { host: hostname, port: Number(port) };
  });
  const { wire, coinId } = place.network.socketNetwork;
  const services = openDemoServices({
    directory: join(folder, 'services'),
    network: { servers, wire, coinId },
  });
  const pay = async (requestId: string, json: object) => {
    const call = { deviceId: 'd', userId: 'u', requestId, payload: new Uint8Array(), json };
    const answer = await services.routes
      .get('PAYMENT_REQUEST')
      ?.handle({ ...call, requestType: 'PAYMENT_REQUEST', signal: new AbortController().signal });
    return JSON.parse(new TextDecoder().decode(answer));
  };
  return { pay, close: async () => services.close?.() };
}

const wallet = (...words: string[]) =>
  runCli(['wallet', ...words, '--network', place.describe(folder)]);

/** A locker's code and value. */
async function fill(): Promise<{ locker_code: string; amount: string }> {
  const path = join(folder, 'paid.bin');
  writeFileSync(path, place.network.demoCoins.take().bytes);
  const { out } = await wallet('lock', path, '--out', join(folder, 'payer'));
  return { locker_code: out.split('\n')[0] as string, amount: '1111.11' };
}

const coinFiles = () => readdirSync(folder).filter((name) => name.includes("'takings"));

describe('andvari ratatoskr takings', () => {
  it('gives the coins that were paid, once, and they can be spent', async () => {
    const words = await fill();
    const server = openServices();
    const paid = await server.pay('r', words);
    expect(paid).toMatchObject({ ok: true, taken: '1111.11', coins: 6 });
    // As long as the server has the wallet, nobody takes from it.
    expect(await takings()).toMatchObject({
      ...{ code: 4, out: '', err: expect.stringContaining('stop the server first') },
    });
    await server.close();
    expect(coinFiles()).toEqual([]);

    const taken = await takings();
    expect(taken).toMatchObject({ code: 0, err: expect.stringContaining('6 coins, 1111.11') });
    const [file = ''] = coinFiles();
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(taken.lines).toHaveLength(6);
    const locked = await wallet('lock', join(folder, file), '--out', join(folder, 'owner'));
    expect(locked).toMatchObject({ code: 0 });
    const again = await takings();
    expect(again).toMatchObject({ code: 0, out: '', err: expect.stringContaining('nothing') });
    expect(coinFiles()).toEqual([file]);

    // The payment is what it was, though its coins have gone.
    const later = openServices();
    expect(await later.pay('r', words)).toEqual(paid);
    await later.close();
  });

  it('leaves coins of a payment that has not ended', async () => {
    const server = openServices();
    await server.pay('r', await fill());
    await server.close();
    const payments = new Payments(join(folder, 'services', 'payments.db'));
    const cut = { deviceId: 'd', requestId: 'cut off' };
    payments.begin(cut, { locker: new Uint8Array(32), amount: '' });
    payments.keepCoins(cut, [1, 2]);
    payments.close();
    expect(await takings()).toMatchObject({ err: expect.stringContaining('2 coins stay') });
    expect((await takings('--json')).out).toBe('');
    const ended = new Payments(join(folder, 'services', 'payments.db'));
    ended.end(cut, '{}');
    ended.close();
    const { out } = await takings('--json');
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ event: 'coin', outcome: 'owned' });
  });

  it.each([
    ['heidrun.wallet', 'ANDVARI_WALLET_FILE'],
    ['payments.db', 'ANDVARI_RATATOSKR_PAYMENTS'],
  ])('tells that %s has lost all that was in it', async (name, code) => {
    await openServices().close();
    writeFileSync(join(folder, 'services', name), '');
    const err = expect.stringMatching(new RegExp(`${name} is damaged: .*${code}`));
    expect(await takings()).toMatchObject({ code: 1, out: '', err });
  });

  it('makes nothing where there is no Heidrun', async () => {
    const run = await takings();
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining('heidrun.wallet: there') });
    expect(readdirSync(folder)).toEqual([]);
  });
});
