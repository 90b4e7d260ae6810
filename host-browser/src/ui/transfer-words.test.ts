import { describe, expect, it } from 'vitest';
import type { ReceiveView, SendView } from '../worker/transfer/transfer-messages.ts';
import {
  faultSentence,
  keptSentence,
  movementText,
  receiveSentence,
  sendSentence,
  wayText,
} from './transfer-words.ts';

const moving = { doneBytes: 1 << 20, rate: 0, paused: false, relayLost: false };
const send = (more: Partial<SendView>): SendView => ({
  ...{ ...moving, name: 'x.bin', size: 3 << 20, stage: 'sending' },
  ...more,
});
const receive = (more: Partial<ReceiveView>): ReceiveView => ({
  ...{ ...moving, code: 'c', name: 'x.bin', size: 3 << 20, stage: 'receiving' },
  ...{ senderGone: false, ...more },
});

describe('what is said of a file', () => {
  it('of every stage one sentence, and another of each', () => {
    const sends = ['reading', 'joining', 'waiting', 'asked', 'sending', 'done', 'failed'] as const;
    const receives = ['calling', 'asking', 'receiving', 'whole', 'failed'] as const;
    const all = [
      ...sends.map((stage) => sendSentence(send({ stage }))),
      ...receives.map((stage) => receiveSentence(receive({ stage }))),
    ];
    expect(new Set(all).size).toBe(sends.length + receives.length);
    for (const one of all) expect(one).toMatch(/^[A-Zx].*[^.]\.$/);
  });

  it('nothing where there is nothing', () => {
    expect([sendSentence(undefined), receiveSentence(undefined)]).toEqual(['', '']);
  });

  it('that the relay or the sender is away, as long as it matters', () => {
    expect(sendSentence(send({ relayLost: true }))).toMatch(/relay is lost/);
    expect(sendSentence(send({ relayLost: true, stage: 'done' }))).toMatch(/has arrived/);
    expect(receiveSentence(receive({ relayLost: true }))).toMatch(/relay is lost/);
    expect(receiveSentence(receive({ senderGone: true }))).toMatch(/sender has left/);
    expect(receiveSentence(receive({ senderGone: true, stage: 'whole' }))).toMatch(/is here/);
  });

  it('by which way it goes, how far that is, and why no other', () => {
    const relayed = wayText(send({ way: 'relayed', roundTripMs: 12 }));
    expect(relayed).toMatch(/^It goes through the relay, round trip 12 ms\. A page has no direct/);
    expect(wayText(receive({ way: 'relayed' }))).toMatch(/^It goes through the relay\. /);
    expect(wayText(receive({ way: 'direct', roundTripMs: 3 }))).toMatch(
      /directly, round trip 3 ms/,
    );
    expect(wayText(receive({}))).toBe('');
    expect(wayText(send({ way: 'relayed', stage: 'done' }))).toBe('');
  });

  it('how far it is', () => {
    expect(movementText(send({}))).toBe('1.0 MiB of 3.0 MiB');
    const fast = { rate: 1 << 20, secondsLeft: 1.2 };
    expect(movementText(receive(fast))).toBe('1.0 MiB of 3.0 MiB, 1.0 MiB/s, 2 s left');
    expect(movementText(receive({ ...fast, paused: true }))).toBe('1.0 MiB of 3.0 MiB');
  });

  it('of what is kept, no more than there is', () => {
    const kept = { key: 'k', name: 'x', size: 2048, bytes: 4096, isWhole: false };
    expect(keptSentence(kept)).toMatch(/^2.0 KiB of 2.0 KiB: it goes on/);
    expect(keptSentence({ ...kept, isWhole: true })).toMatch(/^2.0 KiB, whole/);
  });
});

describe('what went wrong', () => {
  it.each([
    ['ANDVARI_TRANSFER_REFUSED', 'send', /did not want it.*still good/],
    ['ANDVARI_TRANSFER_REFUSED', 'receive', /You have not taken it/],
    ['ANDVARI_TRANSFER_INTEGRITY', 'receive', /hash is wrong/],
    ['ANDVARI_SESSION_CLOSED', 'receive', /What has come is kept: try again/],
    ['ANDVARI_TRANSFER_CUT', 'send', /code is still good/],
    ['ANDVARI_PLACE_FULL', 'receive', /no room left.*try again/],
    ['ANDVARI_FILE_CHANGED', 'send', /Pick it again/],
    ['ANDVARI_INTERNAL', 'send', /went wrong here/],
  ] as const)('%s (%s)', (code, side, wanted) => {
    expect(faultSentence({ code, message: 'x' }, side)).toMatch(wanted);
  });

  it('what has no words of ours, in its own, as a sentence', () => {
    const fault = { code: 'ANDVARI_OTHER', message: 'the moon is away' };
    expect(faultSentence(fault, 'send')).toBe('The moon is away.');
    const relay = { code: 'ANDVARI_RELAY_UNREACHABLE', message: 'the relay r cannot be reached' };
    expect(faultSentence(relay, 'send')).toMatch(/^The relay r cannot be reached\. See that/);
  });
});
