/**
 * What a STUN server answers to a binding request (RFC 8489 sections 6.3 and 9.1.3, RFC 5780
 * section 6.1). No state: bytes in, bytes out.
 */
import type { SocketAddress } from '../io/packet-io.ts';
import { addressValue } from './addresses.ts';
import {
  attributeOf,
  BINDING,
  decodeStun,
  encodeStun,
  hasIntegrity,
  OPTIONAL_FROM,
  type StunAttribute,
  StunClass,
  type StunMessage,
  type StunProtection,
  StunType,
  viewOf,
} from './message.ts';

/** Flags of CHANGE-REQUEST (RFC 5780 section 7.2). */
export const CHANGE_HOST = 4;
export const CHANGE_PORT = 2;

const Refusal = {
  BAD_REQUEST: [400, 'Bad Request'],
  UNAUTHENTICATED: [401, 'Unauthenticated'],
  UNKNOWN_ATTRIBUTE: [420, 'Unknown Attribute'],
} as const;
type Refusal = (typeof Refusal)[keyof typeof Refusal];

/** Of an attribute that is not there: no flag. */
const NOTHING = new Uint8Array(4);

/** Where a request came to. */
export interface StunPlace {
  own: SocketAddress;
  /** An address of this server with another host and another port: it can answer from all four. */
  other: SocketAddress | undefined;
}

export interface StunReply {
  bytes: Uint8Array;
  /** Where on the asking host it goes (RESPONSE-PORT). */
  port: number;
  /** It leaves from the host, the port of the other address. */
  changesHost: boolean;
  changesPort: boolean;
  isRefusal: boolean;
}

/**
 * Undefined: nothing is said to it. An answer is at most five times as long as its request.
 * @param credentials short-term ones, keys by user name: requests need one of them [anybody]
 */
export function answerBinding(
  bytes: Uint8Array,
  from: SocketAddress,
  place: StunPlace,
  credentials?: ReadonlyMap<string, Uint8Array>,
): StunReply | undefined {
  const request = decodeStun(bytes);
  if (request?.kind !== StunClass.REQUEST || request.method !== BINDING) return undefined;
  const protection = credentials && protectionOf(request, credentials);
  const refuse = (why: Refusal, more: readonly StunAttribute[]) => ({
    ...{ port: from.port, changesHost: false, changesPort: false, isRefusal: true },
    bytes: refusal(request, why, more, protection && 'key' in protection ? protection : undefined),
  });
  if (protection && 'refusal' in protection) return refuse(protection.refusal, []);
  const unknown = unknownTypes(request, place, credentials !== undefined);
  if (unknown.length > 0) {
    const value = new Uint8Array(2 * unknown.length);
    for (const [index, type] of unknown.entries()) viewOf(value).setUint16(2 * index, type);
    const attribute = { type: StunType.UNKNOWN_ATTRIBUTES, value };
    return refuse(Refusal.UNKNOWN_ATTRIBUTE, [attribute]);
  }
  const change = attributeOf(request, StunType.CHANGE_REQUEST);
  const responsePort = attributeOf(request, StunType.RESPONSE_PORT);
  if ((change ?? NOTHING).length !== 4 || (responsePort ?? NOTHING).length !== 4) {
    return refuse(Refusal.BAD_REQUEST, []);
  }
  const flags = viewOf(change ?? NOTHING).getUint32(0);
  const port = responsePort ? viewOf(responsePort).getUint16(0) : from.port;
  const [changesHost, changesPort] = [(flags & CHANGE_HOST) !== 0, (flags & CHANGE_PORT) !== 0];
  const { transactionId } = request;
  const attributes = [
    { type: StunType.XOR_MAPPED_ADDRESS, value: addressValue(from, transactionId) },
    ...(place.other ? placeAttributes(place.own, place.other, changesHost, changesPort) : []),
  ];
  const header = { kind: StunClass.SUCCESS, method: BINDING, transactionId };
  const answer = encodeStun(header, attributes, protection);
  return { bytes: answer, port, changesHost, changesPort, isRefusal: false };
}

function placeAttributes(
  own: SocketAddress,
  other: SocketAddress,
  changesHost: boolean,
  changesPort: boolean,
): StunAttribute[] {
  const origin = {
    host: changesHost ? other.host : own.host,
    port: changesPort ? other.port : own.port,
  };
  return [
    { type: StunType.RESPONSE_ORIGIN, value: addressValue(origin) },
    { type: StunType.OTHER_ADDRESS, value: addressValue(other) },
  ];
}

/** How the answer is protected: as the request was. */
function protectionOf(
  request: StunMessage,
  credentials: ReadonlyMap<string, Uint8Array>,
): StunProtection | { refusal: Refusal } {
  const { integrityAt, integrity256At } = request;
  const name = attributeOf(request, StunType.USERNAME);
  const hasMac = integrityAt !== undefined || integrity256At !== undefined;
  if (!hasMac) return { refusal: Refusal.UNAUTHENTICATED };
  if (!name) return { refusal: Refusal.BAD_REQUEST };
  const key = credentials.get(Buffer.from(name).toString());
  if (!key || !hasIntegrity(request, key)) return { refusal: Refusal.UNAUTHENTICATED };
  return { key, hash: integrity256At === undefined ? 'sha1' : 'sha256' };
}

/** Those that have to be understood and are not. Without an other address none can be asked for. */
function unknownTypes(
  { attributes }: StunMessage,
  { other }: StunPlace,
  hasUsers: boolean,
): number[] {
  const known = (type: number) =>
    type >= OPTIONAL_FROM ||
    (type === StunType.CHANGE_REQUEST && other !== undefined) ||
    type === StunType.RESPONSE_PORT ||
    (type === StunType.USERNAME && hasUsers);
  return [...new Set(attributes.map(({ type }) => type))].filter((type) => !known(type));
}

function refusal(
  { transactionId }: StunMessage,
  [code, reason]: Refusal,
  more: readonly StunAttribute[],
  protection: StunProtection | undefined,
): Uint8Array {
  const head = [0, 0, Math.floor(code / 100), code % 100];
  const value = Uint8Array.of(...head, ...new TextEncoder().encode(reason));
  const attributes = [{ type: StunType.ERROR_CODE, value }, ...more];
  const header = { kind: StunClass.ERROR, method: BINDING, transactionId };
  return encodeStun(header, attributes, protection);
}
