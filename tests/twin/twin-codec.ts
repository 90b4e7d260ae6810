/** RaidaCodec over the twin, so that client and wallet can be tested apart from the engine. */
import type {
  RaidaCodec,
  RaidaReply,
  RaidaRequest,
  SealedRequest,
} from '../../host-common/src/raida/codec.ts';
import { parseReply } from './twin-reply.ts';
import { buildRequest, type TwinWire } from './twin-wire.ts';

export class TwinCodec implements RaidaCodec {
  private readonly wire: TwinWire;
  private readonly coinId: number;

  constructor(wire: TwinWire, coinId = 6) {
    this.wire = wire;
    this.coinId = coinId;
  }

  seal(request: RaidaRequest): SealedRequest {
    const { wire, coinId } = this;
    const { raidaId, group, command, payload, shardId = 0, noBody = false } = request;
    const encryption = request.encryption ?? { type: 0 };
    const plain = { raidaId, group, command, payload, shardId, noBody, coinId, encryption };
    const sent = buildRequest(wire, plain);
    return {
      bytes: new Uint8Array(sent.bytes),
      echo: sent.header.readUInt16BE(sent.header.length - 2),
      open(message: Uint8Array): RaidaReply {
        const { status, payload, executionUs } = parseReply(wire, raidaId, sent, message);
        return { status, payload: new Uint8Array(payload), executionUs };
      },
      dispose(): void {
        sent.key.fill(0);
        sent.challenge.fill(0);
      },
    };
  }
}
