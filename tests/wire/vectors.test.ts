/**
 * Every recorded case of groups 0-2 over a real socket of its transport, against a fresh server
 * each.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  casesHere,
  expectedReply,
  fromHex,
  masked,
  patched,
  toHex,
  type VectorCase,
} from '../engine/vector-state.ts';
import { ask, askTcp } from './exchange.ts';
import { makeVectorServers } from './vector-server.ts';

let servers: Awaited<ReturnType<typeof makeVectorServers>>;
beforeAll(async () => {
  servers = await makeVectorServers();
}, 60_000);
afterAll(() => servers.remove());

async function replayOverSockets(item: VectorCase): Promise<Uint8Array | undefined> {
  const server = await servers.start();
  try {
    const replies: Uint8Array[] = [];
    for (const [index, setup] of (item.server_state.setup ?? []).entries()) {
      const patches = index > 0 ? (item.server_state.setup_patch_from_second ?? []) : [];
      const request = patched(fromHex(setup.request_hex), patches, replies);
      replies.push((await ask(setup.transport, server.port, request)) ?? new Uint8Array(0));
    }
    const request = patched(fromHex(item.request_hex), item.request_patch ?? [], replies);
    return await ask(item.transport, server.port, request);
  } finally {
    await server.stop();
  }
}

describe('recorded cases of groups 0-2 over UDP and TCP', () => {
  for (const item of casesHere()) {
    it(`${item.transport} ${item.name}`, async () => {
      const reply = await replayOverSockets(item);
      const wanted = expectedReply(item);
      expect(reply && toHex(masked(reply, item.volatile))).toBe(
        wanted && toHex(masked(wanted, item.volatile)),
      );
    });
  }
});

describe('TCP', () => {
  const echo = fromHex('01000e000000000601000000000001010000000000000000000000000000e1e2');

  it('takes a request in any split', async () => {
    const server = await servers.start();
    const pieces = Array.from(echo, (byte) => Uint8Array.of(byte));
    const reply = await askTcp(server.port, ...pieces);
    await server.stop();
    expect(reply?.[2]).toBe(250);
  });

  it('answers a bad header without its body, then closes', async () => {
    const server = await servers.start();
    const request = echo.slice();
    request[5] = 99;
    request.set([0xff, 0xff], 22);
    const reply = await askTcp(server.port, request);
    await server.stop();
    expect(reply?.[2]).toBe(6);
  });

  it('reads nothing behind the first request', async () => {
    const server = await servers.start();
    const reply = await askTcp(server.port, new Uint8Array([...echo, ...echo]));
    await server.stop();
    expect(reply?.length).toBe(32);
  });
});
