import { plainEngine } from '@andvari/host-common/engine/module';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { MessageType } from '@andvari/host-common/ratatoskr/messages';
import { beforeAll, expect, it } from 'vitest';
import { NodeEd25519Verifier } from './node-ed25519.ts';
import { DeviceRateLimit } from './rate-limit.ts';
import { DeviceRegistry } from './registry.ts';
import { RequestPipeline } from './request-pipeline.ts';
import { ConnectionSession } from './sessions.ts';
import { StartLine } from './set-clocks.ts';
import { signerOf } from './testing/test-peer.ts';

const NOW_S = 1_800_000_000;

class CountingVerifier extends NodeEd25519Verifier {
  readonly keys: string[] = [];

  override verify(...call: Parameters<NodeEd25519Verifier['verify']>): boolean {
    this.keys.push(Buffer.from(call[0]).toString('hex'));
    return super.verify(...call);
  }
}

let codec: RatatoskrCodec;
beforeAll(async () => {
  codec = RatatoskrCodec.create({ module: await plainEngine(), replayEntries: 1024 });
});

function place(requireV2: boolean) {
  const registry = new DeviceRegistry();
  for (const deviceId of ['known', 'revoked']) {
    const { publicKey } = signerOf(deviceId);
    registry.register({ deviceId, publicKey, userIds: ['user'] });
  }
  registry.revoke('revoked');
  const verifier = new CountingVerifier();
  const rates = new DeviceRateLimit({ perMinute: 100, perHour: 100 }, 10);
  const startLine = new StartLine(0, { wallMs: NOW_S * 1000, steadyMs: 0 });
  const options = { skewS: 0, startLine, strictShape: false, requireV2 };
  const pipeline = new RequestPipeline({ codec, registry, rates, verifier, ...options });
  return { pipeline, verifier };
}

let nonces = 0;
function messageOf(deviceId: string, userId: string, signer: string): Uint8Array {
  const request = {
    ...{ messageType: MessageType.CONNECTION_REQUEST, requestId: 'request', deviceId, userId },
    timestamp: BigInt(NOW_S),
    nonce: new Uint8Array(16).fill(++nonces),
    payload: new Uint8Array(),
    metadata: new Map<string, string>(),
  };
  const signature = signerOf(signer).signNow(codec.requestDigest(request));
  return codec.encodeRequest({ ...request, signature });
}

it.each([false, true])(
  'a stranger costs as many signature checks as a device has, requireV2 %s',
  (requireV2) => {
    const { pipeline, verifier } = place(requireV2);
    const examine = (...of: Parameters<typeof messageOf>) => {
      const before = verifier.keys.length;
      const at = { wallS: NOW_S, wallMs: NOW_S * 1000, steadyMs: 0 };
      const examined = pipeline.examine(messageOf(...of), new ConnectionSession(), at);
      const [told, reason] = examined.ok ? ['ok'] : [examined.code, examined.reason];
      return { told, reason, checks: verifier.keys.length - before };
    };
    // Told alike; the audit log hears more.
    const refused = (reason: string) => ({ told: 'UNAUTHENTICATED', reason, checks: 1 });
    expect(examine('known', 'user', 'thief')).toEqual(refused('BAD_SIGNATURE'));
    expect(examine('unknown', 'user', 'thief')).toEqual(refused('UNKNOWN_DEVICE'));
    expect(examine('revoked', 'user', 'revoked')).toEqual(refused('REVOKED_DEVICE'));
    expect(examine('known', 'other', 'known')).toEqual(refused('WRONG_USER'));
    // The twin; it lacks the second signature where that is wanted.
    const told = requireV2 ? 'UNAUTHENTICATED' : 'ok';
    expect(examine('known', 'user', 'known')).toMatchObject({ told, checks: 1 });
    // Strangers all have one key, which is no device's.
    const [device, stranger] = verifier.keys;
    expect(verifier.keys).toEqual([device, stranger, stranger, stranger, device]);
    expect(stranger).not.toBe(device);
  },
);
