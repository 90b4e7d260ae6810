/** Requests between two nodes: each kind of answer, and each code. */
import { type PeerHandler, PeerRefusalError } from '@andvari/host-common/peer/peer-answers';
import type { FlowEvent } from '@andvari/host-common/peer/peer-events';
import type { PeerNode, PeerNodeOptions } from '@andvari/host-common/peer/peer-node';
import { describe, expect, it } from 'vitest';
import { addressOf, startNode, type Transport } from './nodes.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const data = bytes('answer');

async function startPair(
  transport: Transport = 'tcp',
  options: Partial<PeerNodeOptions> = {},
): Promise<[PeerNode, PeerNode]> {
  const listen = [transport];
  const pair = await Promise.all([
    startNode(0, { listen, ...options }),
    startNode(1, { listen, ...options }),
  ]);
  await pair[0].connect(addressOf(pair[1], transport));
  return pair;
}

/** Until it is aborted; the peer is told in time. */
const endless: PeerHandler = (_, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

describe('requests', () => {
  it.each<Transport>(['tcp', 'quic', 'ws'])('are answered over %s', async (transport) => {
    const [ann, bea] = await startPair(transport);
    bea.handle('echo', ({ payload }) => payload);
    ann.handle('echo', ({ payload }) => payload);
    // The largest is twice as long in the networks' form.
    for (const payload of [new Uint8Array(0), data, new Uint8Array(500_000).fill(200)]) {
      const answer = await ann.send(bea.peerId, 'echo', payload);
      expect(answer).toEqual({ kind: 'success', protocol: 'echo', data: payload });
    }
    expect(await bea.send(ann.peerId, 'echo', data)).toMatchObject({ kind: 'success', data });
  });

  it('tell the handler all of them, and it answers as it likes', async () => {
    const [ann, bea] = await startPair();
    const seen: unknown[] = [];
    bea.on('message', ({ payload, metadata, ...rest }) => seen.push({ ...rest, metadata }));
    bea.handle('none', () => {});
    bea.handle('protocol', () => ({ kind: 'protocol', data }));
    bea.handle('refusal', () => {
      throw new PeerRefusalError(403, `${'ü'.repeat(300)}`);
    });
    const metadata = bytes('meta');
    const send = (protocol: string) =>
      ann.send(bea.peerId, protocol, data, { metadata, roundId: 7 });
    expect(await send('none')).toEqual({ kind: 'success', protocol: 'none', data: null });
    expect(await send('protocol')).toEqual({ kind: 'protocol', data });
    const message = 'ü'.repeat(256);
    expect(await send('refusal')).toEqual({ kind: 'error', code: 403, message, isLocal: false });
    const { peerId } = ann;
    const common = { peerId, kind: 'direct', roundId: 7, metadata };
    expect(seen).toMatchObject([
      { ...common, protocol: 'none' },
      { ...common, protocol: 'protocol' },
      { ...common, protocol: 'refusal' },
    ]);
  });

  it('get no Protocol over wire 2, which has none', async () => {
    const [ann, bea] = await startPair('tcp', { wires: [2] });
    expect(ann.peers()).toMatchObject([{ wire: 2 }]);
    bea.handle('protocol', () => ({ kind: 'protocol', data }));
    const answer = await ann.send(bea.peerId, 'protocol', data);
    expect(answer).toEqual({ kind: 'success', protocol: 'protocol', data });
  });

  it('have an Error for whatever goes wrong', async () => {
    const [ann, bea] = await startPair();
    const code = async (protocol: string, payload = data, deadline?: number) => {
      const options = deadline === undefined ? {} : { deadline };
      const answer = await ann.send(bea.peerId, protocol, payload, options);
      return answer.kind === 'error' ? [answer.code, answer.isLocal] : answer;
    };
    bea.handle('throws', () => {
      throw new Error('a secret');
    });
    bea.handle('wrong', () => 'text' as unknown as Uint8Array);
    bea.handle('large', () => new Uint8Array(10 * 2 ** 20));
    bea.handle('endless', endless);
    expect(await code('nobody')).toEqual([400, false]);
    expect(await code('throws')).toEqual([500, false]);
    expect(await code('wrong')).toEqual([500, false]);
    expect(await code('large')).toEqual([500, false]);
    expect(await code('large', new Uint8Array(2 ** 20))).toEqual([413, true]);
    expect(await code('endless', data, Date.now() + 100)).toEqual([408, true]);
    expect(await code('endless', data, Date.now() - 1)).toEqual([408, true]);
    expect(await ann.send(ann.peerId, 'throws', data)).toMatchObject({ code: 403, isLocal: true });
    const described = (bytes: number) =>
      ann.send(bea.peerId, 'throws', data, { metadata: new Uint8Array(bytes) });
    expect(await described(2 ** 16)).toMatchObject({ code: 500, isLocal: false });
    expect(await described(2 ** 16 + 1)).toMatchObject({ code: 413, isLocal: true });
    await expect(ann.send(bea.peerId, 'x'.repeat(129), data)).rejects.toBeInstanceOf(RangeError);
    await expect(code('throws', data, Number.NaN)).rejects.toBeInstanceOf(RangeError);
    const many = await Promise.all(Array.from({ length: 110 }, () => code('throws')));
    expect(many.filter((answer) => String(answer) === '429,false').length).toBeGreaterThan(0);
    const pending = code('endless');
    await bea.stop();
    expect(await pending).toEqual([500, true]);
    expect(await code('throws')).toEqual([403, true]);
  });

  it('show the states of their way', async () => {
    const [ann, bea] = [await startNode(0), await startNode(1)];
    const flows: Record<string, string[]> = { ann: [], bea: [] };
    const note = (name: string) => (event: FlowEvent) =>
      flows[name]?.push(`${event.direction ?? '-'} ${event.state}`);
    ann.on('flow', note('ann'));
    bea.on('flow', note('bea'));
    bea.handle('echo', ({ payload }) => payload);
    await ann.connect(addressOf(bea, 'tcp'));
    await ann.send(bea.peerId, 'echo', data);
    await ann.send(bea.peerId, 'nobody', data);
    const asked = ['out request-pending', 'out handshaked'];
    expect(flows['ann']).toEqual(['- handshaked', ...asked, ...asked]);
    expect(flows['bea']).toEqual([
      '- handshaked',
      ...['in processing', 'in response-sent', 'in handshaked'],
      ...['in processing', 'in error-sent', 'in handshaked'],
    ]);
  });
});
