/** The replay cache through the exports of one instance of the engine, of either build. */
import type { Engine } from '@andvari/host-common/engine/engine';
import { RequestField } from '@andvari/host-common/engine/generated/ratatoskr';
import { MessageBlock } from '@andvari/host-common/ratatoskr/message-block';

export interface Recorded {
  device: string;
  nonce: number;
  digest: number;
  timestamp: number;
}

/** `number` in the first four bytes. */
export function bytesOf(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** Records a request; returns a Verdict. */
export function recordBy(engine: Engine, request: Recorded, nowS: number): number {
  const block = new MessageBlock(engine);
  block.begin();
  block.setText(RequestField.DEVICE_ID, request.device);
  block.setNumber(RequestField.TIMESTAMP, BigInt(request.timestamp));
  block.setBytes(RequestField.NONCE, bytesOf(request.nonce, 16));
  block.setDigest(bytesOf(request.digest, 32));
  return engine.exports.ratatoskrRecord(nowS >>> 0, 0, 0);
}
