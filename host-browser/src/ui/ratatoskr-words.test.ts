import { describe, expect, it } from 'vitest';
import type { PaidView, PaymentView, RatatoskrView } from '../worker/ratatoskr-messages.ts';
import {
  factsOf,
  forgetQuestion,
  isOpen,
  offeredEndpoint,
  openPaymentNotice,
  paidSentence,
  paymentSentence,
  registrationText,
  stateSentence,
} from './ratatoskr-words.ts';

const queue = { waiting: 0, underWay: 0, bytes: 0, oldestMs: undefined, dropped: 0 };
const view: RatatoskrView = {
  device: { id: 'wallet-1', publicKey: 'ab', locked: true },
  ...{ state: 'offline', answering: true, signed: false, failures: 0, unreachable: false },
  ...{ unknownDevice: false, queue },
};

describe('the connection in words', () => {
  it.each<[Partial<RatatoskrView>, string]>([
    [{}, 'Not connected.'],
    [{ state: 'connecting' }, 'Connecting…'],
    [{ state: 'online', transport: 'webtransport' }, 'Connected over WebTransport.'],
    [{ state: 'online', transport: 'websocket' }, 'Connected over WebSocket.'],
    [
      { state: 'online', transport: 'websocket', answering: false },
      'The server does not answer. If it goes on, another connection is tried by itself.',
    ],
    [{ state: 'waiting' }, 'No connection. It is tried again by itself.'],
    [{ state: 'waiting', failures: 4 }, 'No connection. It is tried again by itself.'],
    ...(['waiting', 'connecting'] as const).map((state): [Partial<RatatoskrView>, string] => [
      { state, failures: 5, unreachable: true },
      'The server cannot be reached. It is tried again twice a minute, or when you say so.',
    ]),
    [
      { state: 'failed', fault: 'UNAUTHENTICATED: no', unknownDevice: true },
      'The server does not know this device: it has to be registered there first.',
    ],
    [{ state: 'failed', fault: 'bad key' }, 'The server is not taken: bad key.'],
    [{ state: 'closed' }, 'Not connected.'],
  ])('%j', (change, sentence) => {
    expect(stateSentence({ ...view, ...change })).toBe(sentence);
  });

  it('facts', () => {
    expect(stateSentence(undefined)).toBe('Not connected.');
    expect(factsOf(undefined)).toEqual([]);
    const sessionEndMs = new Date(2020, 0, 2, 3, 4).getTime();
    const online = {
      ...{ state: 'online' as const, sessionEndMs, signed: true, roundTripMs: 1.26 },
      queue: { ...queue, waiting: 2, underWay: 1, oldestMs: 3_200, dropped: 4 },
    } as const;
    expect(factsOf({ ...view, ...online })).toEqual([
      ['Session', 'until 02/01/2020 03:04, answers signed'],
      ['Last heartbeat', 'none yet'],
      ['Last answer', '1.3 ms'],
      ['Queue', '2 waiting, 1 on the way, the oldest for 3 s, 4 refused because it was full'],
    ]);
    const beating = { ...online, heartbeatAgoMs: 12_000, signed: false };
    expect(factsOf({ ...view, ...beating })).toContainEqual(['Last heartbeat', '12 s ago']);
    const waiting = { state: 'waiting', failures: 2, retryInMs: 1_900, fault: 'cut' } as const;
    expect(factsOf({ ...view, ...waiting })).toEqual([
      ['Tries', '2 tries failed, the next in 2 s'],
      ['Because', 'cut'],
      ['Queue', '0 waiting, 0 on the way'],
    ]);
    expect(factsOf({ ...view, state: 'waiting', retryInMs: 900 })[0]).toEqual([
      ...['Tries', 'the connection ended, the next in 1 s'],
    ]);
    expect(factsOf({ ...view, state: 'waiting', failures: 1 })[0]).toEqual([
      ...['Tries', '1 try failed'],
    ]);
  });

  it('what an operator needs', () => {
    expect(registrationText(view, 'ann')).toBe(
      'andvari ratatoskr register wallet-1 --key ab --user ann',
    );
    expect(registrationText(view, "o'neil; rm")).toContain("--user 'o'\\''neil; rm'");
  });

  it('the payment that was begun last', () => {
    const say = (stage: PaymentView['stage'], words = '') =>
      paymentSentence({ requestId: 'r', amount: '1100.5', stage, words });
    expect(say('unsent')).toMatch(/^The payment of 1,100\.5 was begun and has not been sent/);
    expect(say('asked')).toMatch(/^The payment of 1,100\.5 has not been answered/);
    expect(say('paid', 'payment-1')).toBe('1,100.5 paid: payment-1.');
    expect(say('refused', 'too late')).toMatch(/^Not paid: too late\. What is in the locker/);
    expect(say('refund', 'less')).toMatch(/^Not paid: less\. Coins .* not in the wallet yet/);
    expect(say('refunded', 'less')).toMatch(/^Not paid: less\. .* are in the wallet\.$/);
    expect(say('refund-empty', 'less')).toMatch(/^Not paid: less\. The locker .* is empty/);
    const notice = (stage: PaymentView['stage']) =>
      openPaymentNotice({ requestId: 'r', amount: '1', stage, words: '' })?.text;
    expect(notice('unsent')).toMatch(/^The payment of 1 was begun.* See Ratatoskr, below\.$/);
    expect(notice('asked')).toMatch(/^The payment of 1 has not been answered/);
    expect([notice('paid'), openPaymentNotice(undefined)]).toEqual([undefined, undefined]);
    const stages = ['unsent', 'asked', 'refund', 'paid', 'refused', 'refunded', 'refund-empty'];
    const open = stages.filter((stage) =>
      isOpen({ requestId: 'r', amount: '1', stage: stage as PaymentView['stage'], words: '' }),
    );
    expect([open, isOpen(undefined)]).toEqual([['unsent', 'asked', 'refund'], false]);
    const forget = (stage: PaymentView['stage']) =>
      forgetQuestion({ requestId: 'r', amount: '1', stage, words: '' })?.text;
    expect(forget('refund')).toMatch(/noted the code/);
    expect(forget('asked')).toMatch(/stays unknown/);
    expect([forget('refunded'), forget('paid'), forgetQuestion(undefined)]).toEqual(
      Array(3).fill(undefined),
    );
  });

  it('payments', () => {
    const say = (outcome: PaidView['outcome'], words: string) =>
      paidSentence({ outcome, amount: '12.5', words } as PaidView);
    expect(say('paid', 'payment-1')).toEqual({ tone: 'good', text: '12.5 paid: payment-1.' });
    expect(say('not-begun', 'No.')).toEqual({ tone: 'bad', text: 'No.' });
    expect(say('refused', 'too late').text).toMatch(/^Not paid: too late\. What is in the locker/);
    const fault = 'Too few servers.';
    const refund = { outcome: 'refund', amount: '1', words: 'less', fault } as PaidView;
    expect(paidSentence(refund).text).toMatch(/^Not paid: less\. .*: take them\. \(Too few s/);
    expect(say('unsent', 'cut').text).toMatch(/^12\.5 not paid yet: cut\. Go on, or take/);
    expect(say('taken-back', '')).toMatchObject({
      ...{ tone: 'good', text: '12.5 not paid: the coins are back in the wallet.' },
    });
    expect(say('open', 'no answer').text).toMatch(/^Whether 12\.5 was paid is not known yet/);
  });
});

describe('an endpoint', () => {
  const key = 'ab'.repeat(32);
  it("is offered by the page's server, or by nobody", () => {
    const url = 'ws://127.0.0.1:1/ratatoskr';
    expect(offeredEndpoint({ url, serverKey: key })).toEqual({
      ...{ url, serverKey: key, webTransportUrl: '', certificateHashes: '', user: 'owner' },
    });
    const webTransport = { url: 'https://127.0.0.1:2/ratatoskr', certificateHashes: [key, key] };
    expect(offeredEndpoint({ url, serverKey: key, webTransport })).toMatchObject({
      ...{ webTransportUrl: webTransport.url, certificateHashes: `${key} ${key}` },
    });
    expect(offeredEndpoint(undefined).url).toBe('');
  });
});
