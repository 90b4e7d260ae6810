/** What the page says of files that are sent and received, in whole sentences. Pure functions. */
import { sizeText, timeText } from '@andvari/host-common/transfer/files/amount-text';
import type {
  FaultView,
  KeptView,
  ReceiveView,
  SendView,
  Side,
} from '../worker/transfer/transfer-messages.ts';
import type { Question } from './confirm.ts';

/** One sentence, which changes only when something has happened: it is read out. */
export function sendSentence(view: SendView | undefined): string {
  if (view === undefined) return '';
  const { stage, name, size, paused, relayLost } = view;
  const what = `${name} (${sizeText(size)})`;
  if (stage === 'done') return `${what} has arrived.`;
  if (stage === 'failed') return `${what} was not sent.`;
  if (relayLost) return 'The connection to the relay is lost. It is tried again by itself.';
  if (paused) return `${what} is held here until you go on.`;
  return {
    reading: `${what} is read: its hash is made.`,
    joining: 'The relay is called.',
    waiting: `${what} waits for whoever has the code. Keep this page open until it has arrived.`,
    asked: `Somebody has come with the code, and decides whether to take ${what}.`,
    sending: `${what} is on its way.`,
  }[stage];
}

export function receiveSentence(view: ReceiveView | undefined): string {
  if (view === undefined) return '';
  const { stage, name, size, paused, relayLost, senderGone } = view;
  const what = name === undefined ? 'The file' : `${name} (${sizeText(size ?? 0)})`;
  if (stage === 'whole') return `${what} is here, and its hash is right. Save it now.`;
  if (stage === 'failed') return `${what} is not here.`;
  if (relayLost) return 'The connection to the relay is lost. It is tried again by itself.';
  if (senderGone) return 'The sender has left the relay. If it comes back soon, this goes on.';
  if (paused) return `${what} is held until you go on.`;
  return {
    calling: 'The sender is called.',
    asking: `Whoever gave the code sends ${what}. Nothing of it has been taken yet.`,
    receiving: `${what} is coming, each piece checked when it is here.`,
  }[stage];
}

/** How much, how fast, how long: shown, not read out. */
export function movementText(view: SendView | ReceiveView): string {
  const { doneBytes, size = 0, rate, secondsLeft, paused, stage } = view;
  const done = `${sizeText(doneBytes)} of ${sizeText(size)}`;
  if (paused || stage === 'reading' || rate === 0) return done;
  const left = secondsLeft === undefined ? '' : `, ${timeText(secondsLeft)} left`;
  return `${done}, ${sizeText(rate)}/s${left}`;
}

/**
 * By which way it goes, with its round trip, and why not by another one; empty: it goes nowhere.
 * The rate is that of movementText().
 */
export function wayText({ way, roundTripMs, stage }: SendView | ReceiveView): string {
  if (stage !== 'sending' && stage !== 'receiving') return '';
  const time = roundTripMs === undefined ? '' : `, round trip ${roundTripMs} ms`;
  if (way !== 'relayed') return way === undefined ? '' : `It goes directly${time}.`;
  return (
    `It goes through the relay${time}. A page has no direct way to another machine, as its ` +
    'browser gives it no packets of its own; the programs (andvari send, receive) look for one.'
  );
}

const OWN_WORDS: Readonly<Record<string, Partial<Record<Side | 'both', string>>>> = {
  ANDVARI_TRANSFER_REFUSED: {
    send: 'The one who came did not want it. The code is still good.',
    receive: 'You have not taken it. The code is good until its sender ends it.',
  },
  ANDVARI_TRANSFER_NO_PLACE: {
    send: 'The one who came has no room for it. The code is still good: let him make room and try.',
  },
  ANDVARI_TRANSFER_INTEGRITY: {
    send: 'What arrived there is not this file. The code is still good: let him try again.',
    receive:
      'What came is not the file that was offered: its hash is wrong. Nothing wrong was kept; ' +
      'ask the sender, and try again.',
  },
  ANDVARI_TRANSFER_CANCELLED: {
    send: 'The one who came has given it up. The code is still good.',
    receive: 'The sender has given it up. What has come is kept: with a new code it goes on.',
  },
  ANDVARI_FILE_CHANGED: {
    send: 'The file was changed or removed meanwhile. Pick it again.',
    receive: 'The file has changed at its sender meanwhile. Ask for a new code.',
  },
  ANDVARI_TRANSFER_UNREADABLE: {
    receive: 'The sender cannot read its file. Ask for a new code.',
  },
  ANDVARI_RELAY_REFUSED: {
    both: 'The relay does not let this page in. Whoever runs it has to allow its address.',
  },
  ANDVARI_HANDSHAKE_TIMEOUT: {
    receive: 'The sender does not answer. See that its page or program still runs, and try again.',
  },
  ANDVARI_PLACE_FULL: {
    both: 'This browser has no room left for it. Remove something, then try again with its code.',
  },
  ANDVARI_PLACE_IN_USE: { both: 'This file is being received in another tab already.' },
  ANDVARI_INTERNAL: { both: 'Something unexpected went wrong here. Try again.' },
};

/** The connection to the other side is lost, or it has ended. */
const CUT = new Set([
  ...['ANDVARI_TRANSFER_CUT', 'ANDVARI_SESSION_CLOSED', 'ANDVARI_STREAM_STOPPED'],
  ...['ANDVARI_STREAM_RESET', 'ANDVARI_ENDPOINT_CLOSED'],
]);

/** What went wrong, and the way on. */
export function faultSentence({ code, message }: FaultView, side: Side): string {
  const own = OWN_WORDS[code]?.[side] ?? OWN_WORDS[code]?.both;
  if (own !== undefined) return own;
  if (code === 'ANDVARI_RELAY_UNREACHABLE') {
    return `${sentence(message)} See that it runs and that its address is right, and try again.`;
  }
  if (CUT.has(code)) {
    return side === 'send'
      ? 'The one who came is gone before he had all. The code is still good: he can go on with it.'
      : 'The other side is gone. What has come is kept: try again, and it goes on.';
  }
  return sentence(message);
}

export function keptSentence({ size, bytes, isWhole }: KeptView): string {
  if (isWhole) return `${sizeText(size)}, whole and checked`;
  return `${sizeText(Math.min(bytes, size))} of ${sizeText(size)}: it goes on with its code`;
}

export function forgetQuestion(name: string): Question {
  const text = 'It is removed from this browser. What you have saved stays where you saved it.';
  return { title: `Remove ${name}?`, text, yes: 'Remove it', danger: true };
}

function sentence(words: string): string {
  const text = words === '' ? words : `${words[0]?.toUpperCase()}${words.slice(1)}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
