import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { keptPorts, onceFree } from './ports.ts';

it('tells each port once, those of a row in a row', async () => {
  const first = await keptPorts();
  const rows = await Promise.all([keptPorts(25), keptPorts(60), keptPorts(60)]);
  const all = [
    first,
    ...rows.flatMap((row, i) => Array.from({ length: i ? 60 : 25 }, (_, n) => row + n)),
  ];
  expect(new Set(all).size).toBe(1 + 25 + 60 + 60);
});

it('passes over what is taken, by whichever protocol', async () => {
  let before = await keptPorts();
  const tcp = createServer().listen(before + 1, '127.0.0.1');
  await once(tcp, 'listening');
  const between = await keptPorts();
  expect(between).not.toBe(before + 1);
  before = between;
  const udp = createSocket('udp4').bind(before + 1, '127.0.0.1');
  await once(udp, 'listening');
  expect(await keptPorts()).not.toBe(before + 1);
  await new Promise((resolve) => tcp.close(resolve));
  await new Promise<void>((resolve) => udp.close(resolve));
});

it('waits for a port that is taken, and for nothing else', async () => {
  let tries = 0;
  const failing = (code: string) => async () => {
    if (tries++ < 2) throw Object.assign(new Error(code), { code });
    return 'open';
  };
  expect(await onceFree(failing('ANDVARI_PORT_IN_USE'))).toBe('open');
  expect(tries).toBe(3);
  tries = 0;
  await expect(onceFree(failing('ANDVARI_ADDRESS'))).rejects.toThrow('ANDVARI_ADDRESS');
  expect(tries).toBe(1);
});
