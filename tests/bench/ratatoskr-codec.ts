/** What the engine does for a Ratatoskr request of 300 bytes, through the codec. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType, type RatatoskrResponse } from '@andvari/host-common/ratatoskr/messages';
import { toBase64Url } from '@andvari/host-common/ratatoskr/signing';
import { requestOf } from './ratatoskr-peers.ts';
import { type Candidate, measure } from './timing.ts';

const BATCH = 16;
/** Below the 8192 that the cache holds of one device. */
const PER_DEVICE = 8000;

/** Rows of the table: name, and ns a call. */
export async function benchRatatoskrCodec(): Promise<Map<string, number>> {
  const codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 1_000_000 });
  const request = requestOf(codec, 'device-0');
  const bytes = codec.encodeRequest(request);
  const nowS = Number(request.timestamp);
  const response: RatatoskrResponse = {
    ...{ messageType: MessageType.BUSINESS_REQUEST, requestId: request.requestId },
    ...{ timestamp: request.timestamp, success: true, errorCode: '', errorMessage: '' },
    payload: request.payload,
    metadata: new Map([['x-ratatoskr-sig', toBase64Url(request.signature)]]),
  };
  const times = (work: () => void) => () => {
    for (let i = 0; i < BATCH; i++) work();
  };
  const call = (name: string, work: () => void): Candidate => {
    return { name, units: BATCH, prepare: () => {}, run: times(work) };
  };
  let recorded = 0;
  let fresh: { request: typeof request; digest: Uint8Array }[] = [];
  const prepare = () => {
    fresh = Array.from({ length: BATCH }, () => {
      const nonce = new Uint8Array(16);
      new DataView(nonce.buffer).setUint32(0, ++recorded);
      const digest = new Uint8Array(32);
      // The first words choose the place in the cache: as spread as those of a hash.
      new DataView(digest.buffer).setUint32(0, Math.imul(recorded, 0x9e3779b1));
      new DataView(digest.buffer).setUint32(4, Math.imul(recorded, 0x85ebca6b));
      const deviceId = `device-${Math.floor(recorded / PER_DEVICE)}`;
      return { request: { ...request, deviceId, nonce }, digest };
    });
  };
  const record = () => {
    for (const one of fresh) {
      const verdict = codec.recordReplay(one.request, one.digest, nowS);
      if (verdict !== 'ok') throw new Error(`replay cache: ${verdict}`);
    }
  };
  return measure([
    call(`open a request of ${bytes.length} bytes: decode, check, digest`, () => {
      if (!codec.openRequest(bytes, nowS).ok) throw new Error('a good request was refused');
    }),
    call('digest of a request', () => codec.requestDigest(request)),
    call('encode a request', () => codec.encodeRequest(request)),
    call('encode a signed response', () => codec.encodeResponse(response)),
    call('look at key and signature before Ed25519', () => {
      if (codec.refusedSignature(request.signature.subarray(0, 32), request.signature)) return;
    }),
    { name: 'replay cache: ask and remember', units: BATCH, prepare, run: record },
  ]);
}
