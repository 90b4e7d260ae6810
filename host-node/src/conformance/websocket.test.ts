/** RAIDA over WebSocket: cases of its own, and those that any transport has. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCases } from './runner.ts';
import { suite } from './suite.ts';
import { DamagingWebSocket } from './testing/damaging-websocket.ts';
import { type PreparedServer, PreparedServers } from './testing/prepared-server.ts';

const patience = { replyMs: 5000, silenceMs: 150 };
const cases = suite.filter(({ case: { id } }) =>
  ['raida/websocket', 'raida/1/10', 'raida/encryption'].some((text) => id.startsWith(text)),
);

let servers: PreparedServers;
let server: PreparedServer;
let proxy: DamagingWebSocket;
beforeAll(async () => {
  servers = await PreparedServers.make();
  server = await servers.start({ wire: 'spec', modern: false });
  proxy = await DamagingWebSocket.open(`ws://127.0.0.1:${server.httpPort}/raida`);
});
afterAll(async () => {
  await proxy.close();
  await server.stop();
  servers.remove();
});

/** The ids of cases that do not pass. */
async function odd(port?: number): Promise<string[]> {
  const subject = server.subject('ws', port);
  const { signal } = new AbortController();
  const results = await runCases(cases, { subject, patience, signal });
  expect(results.length).toBeGreaterThan(20);
  return results.filter(({ verdict }) => verdict !== 'pass').map((one) => one.case.id);
}

describe('the suite over WebSocket', () => {
  it('passes a server of ours', async () => {
    expect(await odd()).toEqual([]);
    expect(await odd(proxy.port)).toEqual([]);
  });

  it('finds a wrong close code, and nothing else', async () => {
    proxy.closing = (code) => (code === 1003 ? 1008 : code);
    expect(await odd(proxy.port)).toEqual(['raida/websocket/text']);
    proxy.closing = (code) => code;
  });

  it('finds one bit of one reply', async () => {
    // Case mixed alone has the bitmap 05.
    proxy.damage = (reply) => {
      const bytes = Buffer.from(reply);
      if (bytes[2] === 243 && bytes[32] === 5 && bytes.length === 35) bytes[32] = 4;
      return bytes;
    };
    expect(await odd(proxy.port)).toEqual(['raida/1/10/mixed']);
    proxy.damage = (reply) => reply;
  });
});
