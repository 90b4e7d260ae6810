import { describe, expect, it, vi } from 'vitest';
import type { ChannelHandler } from './channel.ts';
import { placesForTests } from './testing/places.ts';
import { StuckChannel } from './testing/stuck-channel.ts';

const start = placesForTests();

async function open(handle: () => Promise<Uint8Array> | Uint8Array) {
  const place = await start({ bus: { fallback: { name: 'service', handle } } });
  const peer = await place.peer();
  const channel = new StuckChannel();
  const handler = place.server.accept(channel) as ChannelHandler;
  const say = (request: ReturnType<typeof peer.request>) =>
    handler.message(place.codec.encodeRequest(request));
  return { peer, channel, handler, say };
}

describe('a peer that says nothing more, and listens', () => {
  it('has the answers to all that it asked before the end, however slow', async () => {
    const gates: ((answer: Uint8Array) => void)[] = [];
    const { peer, channel, handler, say } = await open(
      () => new Promise<Uint8Array>((resolve) => void gates.push(resolve)),
    );
    say(peer.connectionRequest());
    say(peer.request());
    say(peer.request());
    handler.ended();
    await vi.waitFor(() => expect(gates).toHaveLength(2));
    expect([channel.sent, channel.closedWith]).toEqual([1, undefined]);
    gates[0]?.(new Uint8Array(1));
    await vi.waitFor(() => expect(channel.sent).toBe(2));
    expect(channel.closedWith).toBeUndefined();
    gates[1]?.(new Uint8Array(1));
    await vi.waitFor(() => expect([channel.sent, channel.closedWith]).toEqual([3, 1000]));
    handler.closed();
  });

  it('is let go at once when nothing is under way', async () => {
    const { peer, channel, handler, say } = await open(() => new Uint8Array(1));
    say(peer.connectionRequest());
    await vi.waitFor(() => expect(channel.sent).toBe(1));
    expect(channel.closedWith).toBeUndefined();
    handler.ended();
    expect(channel.closedWith).toBe(1000);
    handler.closed();
  });
});
