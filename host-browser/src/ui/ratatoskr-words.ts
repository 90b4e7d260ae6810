/** What the page says of its Ratatoskr connection, in whole sentences. Pure functions. */

import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import type {
  EndpointWords,
  PaidView,
  PaymentView,
  RatatoskrView,
  RefundStage,
} from '../worker/ratatoskr-messages.ts';
import type { Question } from './confirm.ts';
import { countOf, formatValue, parseAmount } from './format.ts';
import type { Notice } from './notice.ts';

const TRANSPORTS = { websocket: 'WebSocket', webtransport: 'WebTransport' } as const;

/** One sentence, which changes only when something has happened: it is read out. */
export function stateSentence(view: RatatoskrView | undefined): string {
  if (view === undefined) return 'Not connected.';
  const { state, answering, transport, fault, unknownDevice, unreachable } = view;
  if (state === 'online' && !answering) {
    return 'The server does not answer. If it goes on, another connection is tried by itself.';
  }
  if (state === 'online') {
    const over = transport === undefined ? '' : ` over ${TRANSPORTS[transport]}`;
    return `Connected${over}.`;
  }
  // Said once, not in turns with the tries that go on.
  if (unreachable && (state === 'waiting' || state === 'connecting')) {
    return 'The server cannot be reached. It is tried again twice a minute, or when you say so.';
  }
  if (state === 'connecting') return 'Connecting…';
  if (state === 'waiting') return 'No connection. It is tried again by itself.';
  if (state === 'failed' && unknownDevice) {
    return 'The server does not know this device: it has to be registered there first.';
  }
  if (state === 'failed') return `The server is not taken: ${fault ?? 'it refused'}.`;
  return 'Not connected.';
}

/** Facts that go on changing: shown, not read out. */
export function factsOf(view: RatatoskrView | undefined): [name: string, value: string][] {
  if (view === undefined) return [];
  const { state, sessionEndMs, signed, roundTripMs, heartbeatAgoMs } = view;
  const facts: [string, string][] = [];
  if (sessionEndMs !== undefined) {
    const key = signed ? 'answers signed' : 'answers not checked';
    facts.push(['Session', `until ${timeOf(sessionEndMs)}, ${key}`]);
  }
  if (state === 'online') {
    const beat = heartbeatAgoMs === undefined ? 'none yet' : `${seconds(heartbeatAgoMs)} ago`;
    facts.push(['Last heartbeat', beat]);
    if (roundTripMs !== undefined) facts.push(['Last answer', `${roundTripMs.toFixed(1)} ms`]);
  }
  if (state === 'waiting') facts.push(...waitFacts(view));
  const { waiting, underWay, oldestMs, dropped } = view.queue;
  const age = oldestMs === undefined ? '' : `, the oldest for ${seconds(oldestMs)}`;
  const lost = dropped === 0 ? '' : `, ${dropped} refused because it was full`;
  facts.push(['Queue', `${waiting} waiting, ${underWay} on the way${age}${lost}`]);
  return facts;
}

function waitFacts({ failures, retryInMs, fault }: RatatoskrView): [string, string][] {
  const failed = `${countOf(failures, 'try').replace(/trys$/, 'tries')} failed`;
  const tries = failures === 0 ? 'the connection ended' : failed;
  const next = retryInMs === undefined ? '' : `, the next in ${seconds(retryInMs)}`;
  return [
    ['Tries', `${tries}${next}`],
    ...(fault === undefined ? [] : ([['Because', fault]] as [string, string][])),
  ];
}

/** What the fields say before anybody has typed. */
export function offeredEndpoint(address: RatatoskrAddress | undefined): EndpointWords {
  const { url = '', serverKey = '', webTransport } = address ?? {};
  return {
    ...{ url, serverKey, user: 'owner' },
    webTransportUrl: webTransport?.url ?? '',
    certificateHashes: webTransport?.certificateHashes.join(' ') ?? '',
  };
}

/** What an operator needs, as the command that he runs. */
export function registrationText(view: RatatoskrView, user: string): string {
  const { id, publicKey } = view.device;
  const word = /^[\w.@:+-]+$/.test(user) ? user : `'${user.replaceAll("'", `'\\''`)}'`;
  return `andvari ratatoskr register ${id} --key ${publicKey} --user ${word}`;
}

export function paidSentence({ outcome, amount, words, fault }: PaidView): Notice {
  if (outcome === 'paid') return { tone: 'good', text: `${amount} paid: ${words}.` };
  if (outcome === 'not-begun') return { tone: 'bad', text: words };
  if (outcome === 'taken-back') {
    return { tone: 'good', text: `${amount} not paid: the coins are back in the wallet.` };
  }
  const reason = sentence(words);
  if (outcome === 'refused') return { tone: 'bad', text: refusal(reason) };
  if (outcome === 'refund' || outcome === 'refunded' || outcome === 'refund-empty') {
    const why = fault === undefined ? '' : ` (${fault})`;
    return { tone: 'bad', text: `${refundSentence(outcome, reason)}${why}` };
  }
  if (outcome === 'unsent') {
    const text = `${amount} not paid yet: ${reason} Go on, or take the coins back, below.`;
    return { tone: 'bad', text };
  }
  const text = `Whether ${amount} was paid is not known yet (${reason}) Ask again below.`;
  return { tone: 'bad', text };
}

/** The payment that was begun last, also after a reload. */
export function paymentSentence({ stage, amount, words }: PaymentView): string {
  const units = parseAmount(amount);
  const value = units === undefined ? amount : formatValue(units);
  if (stage === 'paid') return `${value} paid: ${words}.`;
  if (stage === 'refused') return refusal(sentence(words));
  if (stage === 'refund' || stage === 'refunded' || stage === 'refund-empty') {
    return refundSentence(stage, sentence(words));
  }
  if (stage === 'unsent') {
    return `The payment of ${value} was begun and has not been sent: nothing is paid yet.`;
  }
  return (
    `The payment of ${value} has not been answered. Asking again does not pay twice; what is ` +
    'still in its locker can be taken back there.'
  );
}

/** What a user must not overlook after unlocking; the panel has the rest. Undefined: nothing. */
export function openPaymentNotice(payment: PaymentView | undefined): Notice | undefined {
  if (payment === undefined || !isOpen(payment)) return undefined;
  const text = `${paymentSentence(payment)} See Ratatoskr, below.`;
  return { tone: 'bad', text };
}

/** It is not over: no other begins. */
export function isOpen(payment: PaymentView | undefined): boolean {
  return payment !== undefined && ['unsent', 'asked', 'refund'].includes(payment.stage);
}

/** Of a payment that has ended nothing is lost: it is closed without a question. */
export function forgetQuestion(payment: PaymentView | undefined): Question | undefined {
  if (payment === undefined || !isOpen(payment)) return undefined;
  const title = 'Forget this payment?';
  const yes = 'Forget it';
  if (payment.stage === 'refund') {
    const text = 'Its refund can then be taken only by somebody who has noted the code shown here.';
    return { title, text, yes, danger: true };
  }
  const text =
    'Whether it was made stays unknown. Should the service have got too few coins, it gives them ' +
    'back by a code that only its answer tells. What is still in the locker is not lost.';
  return { title, text, yes, danger: true };
}

function refusal(reason: string): string {
  return `Not paid: ${reason} What is in the locker of the payment can be taken back there.`;
}

function refundSentence(stage: RefundStage, reason: string): string {
  const words: Readonly<Record<RefundStage, string>> = {
    refunded: 'The coins that it sent back are in the wallet.',
    refund: 'Coins that it has sent back are in a locker, and not in the wallet yet: take them.',
    'refund-empty':
      'The locker in which it sent coins back is empty: they are in the wallet already, or ' +
      'somebody else has taken them.',
  };
  return `Not paid: ${reason} ${words[stage]}`;
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

/** `14:05`, with the day when it is another one. */
function timeOf(ms: number): string {
  const date = new Date(ms);
  const time = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toLocaleDateString('en-GB')} ${time}`;
}
