/**
 * Peer messages spelled out from the reference (peer sections 2, 3 and 6), byte by byte, with what
 * must become of each. None of them comes from our encoder.
 */

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A text of at most 23 bytes, or of up to 255. */
export function text(value: string): string {
  const bytes = new TextEncoder().encode(value);
  return head(3, bytes.length) + hexOf(bytes);
}

/** Major type and a length up to 65535, in the fewest bytes. */
export function head(major: number, length: number): string {
  const first = (n: number) => ((major << 5) | n).toString(16).padStart(2, '0');
  if (length < 24) return first(length);
  if (length < 256) return first(24) + length.toString(16).padStart(2, '0');
  return first(25) + length.toString(16).padStart(4, '0');
}

/** Bytes as an array of integers. */
export function integers(bytes: number[]): string {
  const items = bytes.map((byte) => (byte < 24 ? '' : '18') + byte.toString(16).padStart(2, '0'));
  return head(4, bytes.length) + items.join('');
}

export const ID_A = `002408011220${'aa'.repeat(32)}`;
export const ID_B = `002408011220${'bb'.repeat(32)}`;
export const KEY = Array.from({ length: 32 }, (_, i) => 0x40 + i);
export const SIGNATURE = Array.from({ length: 64 }, (_, i) => 0x80 + i);
/** 1 Jan 2026, in milliseconds. */
export const NOW_MS = 1_767_225_600_000;
const NOW = `1b${NOW_MS.toString(16).padStart(16, '0')}`;

const identifier = `${text('verification_id_key')}a1${text('InstancePublicKey')}${integers(KEY)}`;
const signature = text('signature') + integers(SIGNATURE);
const sender = `${text('sender')}5826${ID_A}`;
const timestamp = text('timestamp') + NOW;
const msg = `${text('msg')}a2${sender}${timestamp}`;
const shake = (...fields: string[]) =>
  `a1${text('Handshake')}${head(5, fields.length)}${fields.join('')}`;
/** 328 bytes, as all bytes of key and signature are above 23. */
export const HANDSHAKE = shake(identifier, signature, msg);
export const BARE_HANDSHAKE = shake(text('public_key') + integers(KEY), signature);

const protocol = `${text('protocol')}${text('/net/1')}`;
const payload = `${text('payload')}830118ff17`;
const metadata = `${text('metadata')}f6`;
const ask = (...fields: string[]) =>
  `a1${text('Protocol')}${head(5, fields.length)}${fields.join('')}`;
export const PROTOCOL = ask(protocol, payload, metadata);
const success = (...fields: string[]) =>
  `a1${text('Success')}${head(5, fields.length)}${fields.join('')}`;
const error = (code: string, message = text('late')) =>
  `a1${text('Error')}a2${text('code')}${code}${text('message')}${message}`;
const hello = (challenge: string) => `a1${text('Hello')}a1${text('challenge')}${challenge}`;
const challenge = integers(new Array<number>(32).fill(0x77));
const extra = (value: string) => ask(protocol, payload, metadata, text('new') + value);

export interface Case {
  name: string;
  kind: 'request' | 'response' | 'direct' | 'broadcast';
  wire?: 1 | 2 | 3;
  /** Hexadecimal. */
  bytes: string;
  /** 'ok' or the reason. */
  verdict: string;
  /** Taken, but nobody of us would write it so. */
  isOther?: boolean;
}

const request = (name: string, bytes: string, verdict = 'ok', isOther = false): Case => ({
  name,
  kind: 'request',
  bytes,
  verdict,
  isOther,
});
const response = (name: string, bytes: string, verdict = 'ok', isOther = false): Case => ({
  ...request(name, bytes, verdict, isOther),
  kind: 'response',
});

const requests = [
  request('handshake', HANDSHAKE),
  request('protocol', PROTOCOL),
  request('metadata, empty', ask(protocol, payload, `${text('metadata')}80`)),
  request('metadata, two bytes', ask(protocol, payload, `${text('metadata')}820018c8`)),
  request('keys in another order', ask(metadata, payload, protocol), 'ok', true),
  request('bytes', ask(protocol, `${text('payload')}4301ff17`, metadata), 'ok', true),
  request('kind of key by number', HANDSHAKE.replace(text('InstancePublicKey'), '01'), 'ok', true),
  request('a key that nobody knows', extra('a1616182f6f93c00'), 'ok', true),
  request('depth 6', extra('81818180'), 'ok', true),
  request('depth 7', extra('8181818180'), 'DEPTH'),
  request('nothing', '', 'TRUNCATED'),
  request('cut', PROTOCOL.slice(0, -2), 'TRUNCATED'),
  request('one more byte', `${PROTOCOL}00`, 'TRAILING'),
  request('two variants', PROTOCOL.replace('a1', 'a2'), 'VARIANT'),
  request('a variant of responses', success(`${text('data')}f6`), 'VARIANT'),
  request('no map', text('Protocol'), 'TYPE'),
  request('map without an end', PROTOCOL.replace('a1', 'bf'), 'INDEFINITE'),
  request(
    'array without an end',
    ask(protocol, `${text('payload')}9f01ff`, metadata),
    'INDEFINITE',
  ),
  request('text without an end', `a17f${text('Protocol')}ff`, 'INDEFINITE'),
  request(
    'length of two bytes',
    ask(protocol, `${text('payload')}980101`, metadata),
    'NON_MINIMAL',
  ),
  request('integer of two', ask(protocol, `${text('payload')}811817`, metadata), 'NON_MINIMAL'),
  request('integer of three', ask(protocol, `${text('payload')}811900ff`, metadata), 'NON_MINIMAL'),
  request('256', ask(protocol, `${text('payload')}81190100`, metadata), 'RANGE'),
  request('-1', ask(protocol, `${text('payload')}8120`, metadata), 'TYPE'),
  request('a text for bytes', ask(protocol, `${text('payload')}6161`, metadata), 'TYPE'),
  request('array past the end', ask(protocol, `${text('payload')}9a7fffffff01`), 'LENGTH'),
  request('array of 2^63', ask(protocol, `${text('payload')}9b8000000000000000`), 'LENGTH'),
  request('bytes past the end', ask(protocol, `${text('payload')}5affffffff`), 'LENGTH'),
  request('map past the end', `a1${text('Protocol')}bb7fffffffffffffff00`, 'LENGTH'),
  request('reserved', ask(protocol, `${text('payload')}9c01`, metadata), 'TYPE'),
  request('payload null', ask(protocol, `${text('payload')}f6`, metadata), 'TYPE'),
  request('no metadata', ask(protocol, payload), 'MISSING_KEY'),
  request('payload twice', ask(protocol, payload, payload, metadata), 'DUPLICATE_KEY'),
  request('metadata null twice', ask(protocol, payload, metadata, metadata), 'DUPLICATE_KEY'),
  request('msg twice', shake(identifier, signature, msg, msg), 'DUPLICATE_KEY'),
  request('unknown twice', ask(`${text('x')}01`, `${text('x')}02`), 'DUPLICATE_KEY'),
  request('unknown twice inside', extra('a2616101616102'), 'DUPLICATE_KEY'),
  request(
    '33 unknown',
    ask(...Array.from({ length: 33 }, (_, i) => `${text(`${i}`)}00`)),
    'TOO_MANY_UNKNOWN',
  ),
  request('not UTF-8', ask(`${text('protocol')}62c328`, payload, metadata), 'UTF8'),
  request(
    'msg without sender',
    shake(identifier, signature, `${text('msg')}a1${timestamp}`),
    'MISSING_KEY',
  ),
  request(
    'sender as integers',
    shake(identifier, signature, `${text('msg')}a2${text('sender')}80${timestamp}`),
    'TYPE',
  ),
  request(
    'timestamp of 64 bits',
    shake(identifier, signature, `${text('msg')}a2${sender}${text('timestamp')}1bffffffffffffffff`),
  ),
  request(
    'timestamp of 65 bits',
    shake(
      identifier,
      signature,
      `${text('msg')}a2${sender}${text('timestamp')}c249010000000000000000`,
    ),
  ),
  request(
    'a big number that is none',
    shake(identifier, signature, `${text('msg')}a2${sender}${text('timestamp')}c24401020304`),
    'NON_MINIMAL',
  ),
  request(
    'timestamp of 136 bits',
    shake(
      identifier,
      signature,
      `${text('msg')}a2${sender}${text('timestamp')}c251${'01'.repeat(17)}`,
    ),
    'RANGE',
  ),
  request(
    'timestamp below 0',
    shake(identifier, signature, `${text('msg')}a2${sender}${text('timestamp')}20`),
    'TYPE',
  ),
  request(
    'an address for a key',
    HANDSHAKE.replace(text('InstancePublicKey'), text('EvmAddress')),
    'KEY_TYPE',
  ),
  request(
    'a kind of key of its own',
    HANDSHAKE.replace(text('InstancePublicKey'), '02'),
    'VARIANT',
  ),
  request('a peer id of another key', HANDSHAKE.replace('002408011220', '002408021220'), 'PEER_ID'),
  request(
    'signature of 63',
    shake(identifier, text('signature') + integers(SIGNATURE.slice(1)), msg),
    'SIGNATURE_LENGTH',
  ),
  request(
    'protocol of 129',
    ask(`${text('protocol')}${text('p'.repeat(129))}`, payload, metadata),
    'FIELD_TOO_LONG',
  ),
  request("the document's handshake", BARE_HANDSHAKE, 'MISSING_KEY'),
  request('hello', hello(challenge), 'VARIANT'),
  { ...request("the document's handshake on wire 1", BARE_HANDSHAKE), wire: 1 as const },
  { ...request('handshake on wire 1', HANDSHAKE, 'MISSING_KEY'), wire: 1 as const },
  { ...request('hello on wire 3', hello(challenge)), wire: 3 as const },
  { ...request('short hello', hello('8101'), 'CHALLENGE_LENGTH'), wire: 3 as const },
];

const responses = [
  response('handshake', HANDSHAKE),
  response('success', success(protocol, `${text('data')}820102`)),
  response('success without data', success(protocol, `${text('data')}f6`)),
  response('success of the document', success(`${text('data')}80`)),
  response('protocol of the document', `a1${text('Protocol')}a1${text('data')}8107`),
  response('error', error('1901ad')),
  response('error 65535', error('19ffff')),
  response('error 65536', error('1a00010000'), 'RANGE'),
  response('error below 0', error('20'), 'TYPE'),
  response('error of 513 bytes', error('00', text('e'.repeat(513))), 'FIELD_TOO_LONG'),
  response('success without its data', success(protocol), 'MISSING_KEY'),
  response('protocol of requests', PROTOCOL, 'MISSING_KEY'),
  response('protocol with null', `a1${text('Protocol')}a1${text('data')}f6`, 'TYPE'),
];

const routing = (recipient: string) => `070226${ID_A}${recipient}`;
const inner = (name: string, bytes: string, verdict = 'ok'): Case => ({
  name,
  kind: 'direct',
  bytes,
  verdict,
});
const NAME = '062f6e65742f31';
const inners = [
  inner('to one', `${NAME}${routing(`0126${ID_B}`)}03010203`),
  inner('to all', `${NAME}${routing('00')}00`),
  inner('251', `${NAME}fbfb00fbfffe${'26'}${ID_A}0000`),
  inner('2^64 - 1', `${NAME}fdffffffffffffffff00${'26'}${ID_A}0000`),
  inner('250 in three bytes', `${NAME}fbfa0000${'26'}${ID_A}0000`, 'NON_MINIMAL'),
  inner('65535 in five', `${NAME}fcffff000000${'26'}${ID_A}0000`, 'NON_MINIMAL'),
  inner('u32 in nine', `${NAME}fdffffffff0000000000${'26'}${ID_A}0000`, 'NON_MINIMAL'),
  inner('128 bits', `${NAME}fe${'01'.repeat(16)}00${'26'}${ID_A}0000`, 'TYPE'),
  inner('round 65536', `${NAME}00fc0000010026${ID_A}0000`, 'RANGE'),
  inner('option 2', `${NAME}${routing('02')}00`, 'TYPE'),
  inner('cut', `${NAME}${routing('00')}`, 'TRUNCATED'),
  inner('payload past the end', `${NAME}${routing('00')}0201`, 'LENGTH'),
  inner('length of 2^63', `fd0000000000000080`, 'LENGTH'),
  inner('one more byte', `${NAME}${routing('00')}0000`, 'TRAILING'),
  inner('not UTF-8', `02c328${routing('00')}00`, 'UTF8'),
  inner('sender of 37', `${NAME}070225${ID_A.slice(2)}0000`, 'PEER_ID'),
  inner('fixed width', `0600000000000000${NAME.slice(2)}`, 'LENGTH'),
];

export const CASES: Case[] = [...requests, ...responses, ...inners];
