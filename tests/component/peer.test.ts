// The interface peer of the component beside the codec over the raw engine: the same verdict and
// reason for every case and for damaged ones, the same bytes again, the same signing bytes.
import { peer } from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import type { WireVersion } from '@andvari/host-common/peer/messages';
import { expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { encodeAgain, openCase } from '../peer/encode-again.ts';
import { CASES, type Case, ID_A, ID_B } from '../peer/messages.ts';
import { randomRequest, randomResponse } from '../peer/random-messages.ts';
import { randomFrom, seedOfRun } from '../seeded-random.ts';
import { faultOf } from './faults.ts';

const codec = plainEngine().then((module) => PeerCodec.create({ module }));
const caseOf = (reason: string) => reason.toLowerCase().replaceAll('_', '-');
const wires: Record<WireVersion, peer.Wire> = { 1: 'bare', 2: 'message', 3: 'challenge' };

/** Opens a message with the component and encodes what it gave. */
function again({ kind, wire = 2 }: Pick<Case, 'kind' | 'wire'>, bytes: Uint8Array): Uint8Array {
  const version = wires[wire];
  if (kind === 'request') return peer.encodeRequest(peer.openRequest(bytes, version), version);
  if (kind === 'response') return peer.encodeResponse(peer.openResponse(bytes, version), version);
  const carrier = kind === 'direct' ? 'direct' : 'broadcast';
  return peer.encodeMessage(peer.openMessage(bytes, carrier), carrier);
}

/** Compares what both make of a message; gives the refusal. */
function compare(raw: PeerCodec, one: Case, bytes: Uint8Array, note: string): unknown {
  const opened = openCase(raw, one, bytes);
  const call = () => again(one, bytes);
  const fault = faultOf(call);
  if (!opened.ok) {
    expect(fault, note).toBe(caseOf(opened.reason));
    return fault;
  }
  expect(fault, note).toBeUndefined();
  expect(toHex(call()), note).toBe(toHex(encodeAgain(raw, one, opened)));
  return undefined;
}

it('gives the verdicts and bytes of the raw engine for every case', async () => {
  const raw = await codec;
  for (const one of CASES) compare(raw, one, fromHex(one.bytes), `${one.kind}: ${one.name}`);
});

it('and for cases with bytes changed', async () => {
  const raw = await codec;
  const seed = seedOfRun();
  const random = randomFrom(seed);
  const refusals = new Set<unknown>();
  for (let n = 0; n < 1500; n++) {
    const one = CASES[random(CASES.length)];
    const bytes = fromHex(one?.bytes ?? '');
    if (!one || bytes.length === 0 || bytes.length > 5000) continue;
    for (let i = random(3); i >= 0; i--) bytes[random(bytes.length)] = random(256);
    refusals.add(compare(raw, one, bytes, `seed ${seed}, ${toHex(bytes)}`));
  }
  expect(refusals.size, `seed ${seed}`).toBeGreaterThan(6);
});

it('and for random messages of every wire', async () => {
  const raw = await codec;
  const seed = seedOfRun();
  const random = randomFrom(seed);
  for (let n = 0; n < 300; n++) {
    const wire = ([1, 2, 3] as const)[random(3)] ?? 2;
    const [request, response] = [randomRequest(random, wire), randomResponse(random, wire)];
    const note = `seed ${seed}`;
    const asked = raw.encodeRequest(request, wire);
    expect(toHex(again({ kind: 'request', wire }, asked)), note).toBe(toHex(asked));
    const given = raw.encodeResponse(response, wire);
    expect(toHex(again({ kind: 'response', wire }, given)), note).toBe(toHex(given));
  }
});

it('makes the bytes that a handshake is signed over, or says what is wrong', async () => {
  const raw = await codec;
  const [sender, recipient] = [fromHex(ID_A), fromHex(ID_B)];
  const parts = {
    isConnecting: true,
    challenge: new Uint8Array(32).fill(1),
    answerChallenge: new Uint8Array(32).fill(2),
    protocolId: '/andvari/hs3',
  };
  for (const wire of [1, 2, 3] as const) {
    for (const isConnecting of [true, false]) {
      const challenged = wire === 3 ? { ...parts, isConnecting } : undefined;
      const wanted = raw.signingBytes({ wire, sender, recipient, timestampMs: 77n, challenged });
      const made = peer.signingBytes(wires[wire], sender, recipient, 77n, challenged);
      expect(toHex(made)).toBe(toHex(wanted));
    }
  }
  const short = { ...parts, challenge: new Uint8Array(31) };
  const sign = (id: Uint8Array, challenges?: peer.Challenges) =>
    faultOf(() => peer.signingBytes('challenge', id, recipient, 0n, challenges));
  expect(sign(sender.subarray(1), parts)).toBe('peer-id');
  expect(sign(sender, short)).toBe('challenge-length');
  expect(sign(sender)).toBe('challenge-length');
  expect(sign(sender, { ...parts, protocolId: 'p'.repeat(133) })).toBe('field-too-long');
  expect(sign(sender, parts)).toBeUndefined();
});

it('refuses what is too large, and encodes nothing that it would not open', () => {
  const large = new Uint8Array(11_000_000);
  const data = (bytes: number) => ({ tag: 'protocol' as const, val: new Uint8Array(bytes) });
  expect(faultOf(() => peer.openRequest(large, 'message'))).toBe('message-too-large');
  expect(faultOf(() => peer.encodeResponse(data(11_000_000), 'message'))).toBe('message-too-large');
  expect(faultOf(() => peer.encodeResponse(data(1_000_000), 'message'))).toBeUndefined();
  const proof = { publicKey: new Uint8Array(31), signature: new Uint8Array(64) };
  const request = { tag: 'handshake' as const, val: proof };
  expect(faultOf(() => peer.encodeRequest(request, 'bare'))).toBe('key-type');
  const hello = { tag: 'hello' as const, val: new Uint8Array(32) };
  expect(faultOf(() => peer.encodeRequest(hello, 'message'))).toBe('variant');
  expect(faultOf(() => peer.encodeRequest(hello, 'challenge'))).toBeUndefined();
});
