/** cborg and a reader of bincode written from the reference: they share no code with the engine. */
import type {
  PeerRequest,
  PeerResponse,
  ProtocolMessage,
  WireVersion,
} from '@andvari/host-common/peer/messages';
import { decode, encode } from 'cborg';

type Struct = Map<unknown, unknown>;

/** A number of more than 64 bits, in the fewest bytes. */
function big(content: () => unknown): bigint {
  const bytes = content();
  if (!(bytes instanceof Uint8Array) || bytes.length < 9 || bytes[0] === 0) {
    throw new Error('no big number');
  }
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** Any document, as strictly as cborg can. */
export function oracleDecode(bytes: Uint8Array): unknown {
  return decode(bytes, {
    allowIndefinite: false,
    strict: true,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    tags: { 2: big, 3: big },
  });
}

function vector(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (!Array.isArray(value)) throw new Error('no bytes');
  return Uint8Array.from(value as number[]);
}
const optional = (value: unknown) => (value === null ? null : vector(value));

function handshake(struct: Struct): PeerRequest & { type: 'handshake' } {
  const signature = vector(struct.get('signature'));
  if (struct.has('public_key')) {
    return { type: 'handshake', publicKey: vector(struct.get('public_key')), signature };
  }
  const [publicKey] = [...(struct.get('verification_id_key') as Struct).values()].map(vector);
  const msg = struct.get('msg') as Struct;
  const sender = vector(msg.get('sender'));
  const timestampMs = BigInt(msg.get('timestamp') as number);
  return {
    type: 'handshake',
    publicKey: publicKey ?? new Uint8Array(0),
    signature,
    msg: { sender, timestampMs },
  };
}

/** What a document means that the engine has taken. */
export function meaningOf(
  document: unknown,
  kind: 'request' | 'response',
  wire: WireVersion,
): PeerRequest | PeerResponse {
  const [variant, struct] = [...(document as Struct).entries()][0] as [string, Struct];
  switch (variant) {
    case 'Handshake':
      if (wire !== 1) struct.delete('public_key');
      return handshake(struct);
    case 'Hello':
      return { type: 'hello', challenge: vector(struct.get('challenge')) };
    case 'Protocol':
      if (kind === 'response') return { type: 'protocol', data: vector(struct.get('data')) };
      return {
        type: 'protocol',
        protocol: struct.get('protocol') as string,
        payload: vector(struct.get('payload')),
        metadata: optional(struct.get('metadata')),
      };
    case 'Success': {
      const data = optional(struct.get('data'));
      if (!struct.has('protocol')) return { type: 'success', data };
      return { type: 'success', protocol: struct.get('protocol') as string, data };
    }
    default:
      return {
        type: 'error',
        code: struct.get('code') as number,
        message: struct.get('message') as string,
      };
  }
}

const array = (bytes: Uint8Array | null) => bytes && [...bytes];

function structOf(message: PeerRequest | PeerResponse): [string, [string, unknown][]] {
  switch (message.type) {
    case 'hello':
      return ['Hello', [['challenge', array(message.challenge)]]];
    case 'handshake': {
      const { publicKey, signature, msg } = message;
      const proof: [string, unknown] = ['signature', array(signature)];
      if (!msg) return ['Handshake', [['public_key', array(publicKey)], proof]];
      const key = new Map([['InstancePublicKey', array(publicKey)]]);
      const signed = [
        ['sender', msg.sender],
        ['timestamp', msg.timestampMs],
      ] as const;
      const fields: [string, unknown][] = [['verification_id_key', key], proof];
      return ['Handshake', [...fields, ['msg', new Map<string, unknown>(signed)]]];
    }
    case 'success': {
      const data: [string, unknown] = ['data', array(message.data)];
      const { protocol } = message;
      return ['Success', protocol === undefined ? [data] : [['protocol', protocol], data]];
    }
    case 'error':
      return [
        'Error',
        [
          ['code', message.code],
          ['message', message.message],
        ],
      ];
    case 'protocol': {
      if ('data' in message) return ['Protocol', [['data', array(message.data)]]];
      const { protocol, payload, metadata } = message;
      const first: [string, unknown][] = [
        ['protocol', protocol],
        ['payload', array(payload)],
      ];
      return ['Protocol', [...first, ['metadata', array(metadata)]]];
    }
  }
}

/** As the networks write it: in the order of the fields. Timestamps below 2^64. */
export function oracleEncode(message: PeerRequest | PeerResponse): Uint8Array {
  const [variant, fields] = structOf(message);
  return encode(new Map([[variant, new Map(fields)]]), { mapSorter: () => 0 });
}

/** Reads bincode 1.3 with varint integers as the reference has it; throws for anything else. */
export function innerDecode(bytes: Uint8Array): ProtocolMessage {
  let rest = Buffer.from(bytes);
  const take = (length: bigint | number) => {
    if (BigInt(length) > BigInt(rest.length)) throw new Error('cut');
    const taken = rest.subarray(0, Number(length));
    rest = rest.subarray(Number(length));
    return taken;
  };
  const integer = (): bigint => {
    const first = take(1)[0] ?? 0;
    if (first < 251) return BigInt(first);
    if (first > 253) throw new Error('no such width');
    const value = BigInt(
      `0x${Buffer.from(take(2 ** (first - 250)))
        .reverse()
        .toString('hex')}`,
    );
    if (value < [251n, 65_536n, 4_294_967_296n][first - 251]!) throw new Error('too wide');
    return value;
  };
  const block = () => Uint8Array.from(take(integer()));
  const protocol = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(block());
  const messageId = integer();
  const roundId = Number(integer());
  if (roundId > 65_535) throw new Error('round');
  const sender = block();
  const some = take(1)[0] ?? 0;
  if (some > 1) throw new Error('option');
  const recipient = some ? { recipient: block() } : {};
  const payload = block();
  if (rest.length > 0) throw new Error('more');
  for (const id of [sender, recipient.recipient]) {
    if (id && !/^002408011220.{64}$/.test(Buffer.from(id).toString('hex'))) throw new Error('id');
  }
  if (new TextEncoder().encode(protocol).length > 128) throw new Error('long');
  return { protocol, messageId, roundId, sender, ...recipient, payload };
}
