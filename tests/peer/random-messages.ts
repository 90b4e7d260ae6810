/** Random peer messages that the engine takes. */
import type {
  PeerHandshake,
  PeerRequest,
  PeerResponse,
  ProtocolMessage,
  WireVersion,
} from '@andvari/host-common/peer/messages';
import { randomBytes, randomText } from '../ratatoskr/random-messages.ts';

type Random = (below: number) => number;

const bytesOf = (random: Random, most: number, least = 0) =>
  Uint8Array.from(randomBytes(random, most, least));
const optional = (random: Random) => (random(3) ? bytesOf(random, 60) : null);

function peerId(random: Random): Uint8Array {
  return Uint8Array.of(0, 0x24, 8, 1, 0x12, 0x20, ...bytesOf(random, 32, 32));
}

function randomU64(random: Random): bigint {
  const bits = BigInt(`0x${randomBytes(random, 8, 8).toString('hex')}`) >> BigInt(random(64));
  return (
    [0n, 23n, 24n, 250n, 251n, 65_535n, 65_536n, 2n ** 32n, 2n ** 64n - 1n][random(18)] ?? bits
  );
}

function handshake(random: Random, wire: WireVersion): PeerHandshake {
  const [publicKey, signature] = [bytesOf(random, 32, 32), bytesOf(random, 64, 64)];
  if (wire === 1) return { type: 'handshake', publicKey, signature };
  const msg = { sender: peerId(random), timestampMs: randomU64(random) };
  return { type: 'handshake', publicKey, signature, msg };
}

export function randomRequest(random: Random, wire: WireVersion): PeerRequest {
  if (wire === 3 && random(4) === 0) return { type: 'hello', challenge: bytesOf(random, 32, 32) };
  if (random(2)) return handshake(random, wire);
  return {
    type: 'protocol',
    protocol: randomText(random, 128),
    payload: bytesOf(random, random(4) ? 40 : 2000),
    metadata: optional(random),
  };
}

export function randomResponse(random: Random, wire: WireVersion): PeerResponse {
  switch (random(5)) {
    case 0:
      return handshake(random, wire);
    case 1:
      return { type: 'success', protocol: randomText(random, 30), data: optional(random) };
    case 2:
      return { type: 'success', data: optional(random) };
    case 3:
      return { type: 'protocol', data: bytesOf(random, 60) };
    default:
      return { type: 'error', code: random(65_536), message: randomText(random, 512) };
  }
}

export function randomMessage(random: Random): ProtocolMessage {
  return {
    protocol: randomText(random, 128),
    messageId: randomU64(random),
    roundId: random(2) ? random(300) : random(65_536),
    sender: peerId(random),
    ...(random(2) ? { recipient: peerId(random) } : {}),
    payload: bytesOf(random, random(4) ? 40 : 2000),
  };
}
