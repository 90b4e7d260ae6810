/** What lies in a RAIDA reply, so that the component can be asked to build the same one. */
import { cipher, hash, type raida } from '@andvari/host-common/component';
import { type StatusNumber, statusName } from '@andvari/host-common/engine/generated/status';

export type Server = raida.Server;

const TYPE = 16;
const NONE = new Uint8Array(0);

/** The name of a status in the WIT. */
export function caseOf(status: number): raida.Status {
  return statusName(status as StatusNumber)
    .toLowerCase()
    .replaceAll('_', '-') as raida.Status;
}

/** Whether the request has a header of 48 bytes. */
function isModern(request: Uint8Array, server: Server): boolean {
  const type = request[TYPE] ?? 0;
  return type > 2 && (server.wire === 'legacy' || server.modern);
}

export interface ReplyParts {
  status: number;
  body: Uint8Array;
  nonce: Uint8Array;
  elapsed: number;
}

/** Takes a reply to `request` apart, with the key that both have. */
export function partsOf(
  server: Server,
  request: Uint8Array,
  key: Uint8Array,
  reply: Uint8Array,
): ReplyParts {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
  const status = reply[2] ?? 0;
  if (isModern(request, server)) {
    const sealed = reply.length > 48 ? reply.subarray(48, -34) : NONE;
    const body = cipher.ctr(hash.sha256(key), reply.subarray(24, 40), sealed);
    const nonce = new Uint8Array(24);
    nonce.set(reply.subarray(24, 46));
    return { status, body, nonce, elapsed: view.getUint32(4) };
  }
  const sealed = reply.length > 32 ? reply.subarray(32, -2) : NONE;
  const counter = new Uint8Array(16);
  const isSpec = server.wire === 'spec';
  counter.set(isSpec ? reply.subarray(16, 28) : request.subarray(24, 32));
  const body = key.length ? cipher.ctr(key, counter, sealed) : sealed;
  const nonce = isSpec ? reply.slice(16, 28) : NONE;
  return { status, body, nonce, elapsed: view.getUint32(12) };
}
