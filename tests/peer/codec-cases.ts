/**
 * What the codec says of every message of messages.ts: a file in Node and one in Chromium call
 * this, so verdicts and values are the same on both.
 */
import { plainEngine } from '@andvari/host-common/engine/module';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import type { PeerHandshake } from '@andvari/host-common/peer/messages';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../engine/vector-state.ts';
import { encodeAgain, openCase } from './encode-again.ts';
import { CASES, HANDSHAKE, ID_A, ID_B, NOW_MS } from './messages.ts';

type Changes = Partial<Omit<PeerHandshake, 'msg'>> & { msg?: PeerHandshake['msg'] | undefined };

export function runPeerCodecCases(): void {
  let codec: PeerCodec;
  beforeAll(async () => {
    codec = PeerCodec.create({ module: await plainEngine() });
  });

  describe('peer messages', () => {
    it.each(CASES.map((one) => [`${one.kind}: ${one.name}`, one] as const))('%s', (_, one) => {
      const opened = openCase(codec, one, fromHex(one.bytes));
      if (one.verdict !== 'ok') {
        expect(opened).toMatchObject({ ok: false, reason: one.verdict });
        return;
      }
      expect(opened).toMatchObject({ ok: true });
      const again = encodeAgain(codec, one, opened);
      if (!one.isOther) expect(toHex(again)).toBe(one.bytes);
      expect(openCase(codec, one, again)).toEqual(opened);
    });
  });

  describe('handshakes before their signature', () => {
    const [local, remote] = [fromHex(ID_B), fromHex(ID_A)];
    const handshake = (changes: Changes = {}): PeerHandshake => {
      const opened = codec.openRequest(fromHex(HANDSHAKE));
      if (!opened.ok || opened.request.type !== 'handshake') throw new Error('refused');
      // S below the order of the group.
      const signature = opened.request.signature.fill(0, 32);
      const { msg, ...rest } = { ...opened.request, signature, ...changes };
      return msg ? { ...rest, msg } : rest;
    };
    const between = (nowMs = NOW_MS) => ({ wire: 2 as const, local, remote, nowMs });
    const stamp = BigInt(NOW_MS).toString(16).padStart(32, '0');

    it('wire 2: sender | recipient | timestamp of 16 bytes', () => {
      const checked = codec.checkHandshake(handshake(), between());
      if (!checked.ok) throw new Error(checked.reason);
      expect(toHex(checked.signed)).toBe(ID_A + ID_B + stamp);
      const signing = { wire: 2 as const, sender: remote, recipient: local };
      const signed = codec.signingBytes({ ...signing, timestampMs: BigInt(NOW_MS) });
      expect(signed).toEqual(checked.signed);
      expect(signed).toHaveLength(92);
    });

    it('is fresh for 30 s, and 5 s ahead', () => {
      const at = (nowMs: number) => {
        const checked = codec.checkHandshake(handshake(), between(nowMs));
        return checked.ok ? 'ok' : checked.reason;
      };
      expect([at(NOW_MS + 30_000), at(NOW_MS + 30_001)]).toEqual(['ok', 'TIMESTAMP_STALE']);
      expect([at(NOW_MS - 5000), at(NOW_MS - 5001)]).toEqual(['ok', 'TIMESTAMP_FUTURE']);
      const late = handshake({ msg: { sender: remote, timestampMs: 2n ** 64n + 5n } });
      expect(codec.checkHandshake(late, between())).toMatchObject({ reason: 'TIMESTAMP_FUTURE' });
      expect(() => at(-1)).toThrow(RangeError);
    });

    it("is the connection's own, with a key and a signature that all judge alike", () => {
      const reason = (changes: Changes) => {
        const checked = codec.checkHandshake(handshake(changes), between());
        return checked.ok ? 'ok' : checked.reason;
      };
      const msg = { sender: local, timestampMs: BigInt(NOW_MS) };
      expect(reason({ msg })).toBe('SENDER');
      expect(reason({ msg: undefined })).toBe('PEER_ID');
      expect(reason({ publicKey: new Uint8Array(33) })).toBe('KEY_TYPE');
      expect(reason({ publicKey: new Uint8Array(32) })).toBe('POINT_SMALL_ORDER');
      expect(reason({ publicKey: new Uint8Array(32).fill(255) })).toBe('POINT_ENCODING');
      expect(reason({ signature: new Uint8Array(63) })).toBe('SIGNATURE_LENGTH');
      expect(reason({ signature: new Uint8Array(64).fill(255) })).toBe('SIGNATURE_S');
      const wrong = { ...between(), remote: remote.subarray(1) };
      expect(() => codec.checkHandshake(handshake(), wrong)).toThrow(RangeError);
    });

    it("wire 1: only with the key of the peer id, over the other's id", () => {
      const own = handshake({ publicKey: handshake().publicKey, msg: undefined });
      const wire = 1 as const;
      expect(codec.checkHandshake(own, { ...between(), wire })).toMatchObject({
        reason: 'KEY_NOT_IDENTITY',
      });
      const id = fromHex(`002408011220${toHex(own.publicKey)}`);
      const checked = codec.checkHandshake(own, { ...between(), wire, remote: id });
      expect(checked.ok && toHex(checked.signed)).toBe(ID_B);
    });

    it('wire 3: label, role, ids, challenges, timestamp and protocol id', () => {
      const challenged = {
        isConnecting: false,
        challenge: new Uint8Array(32).fill(1),
        answerChallenge: new Uint8Array(32).fill(2),
        protocolId: '/net/1/hs3',
      };
      const wire = 3 as const;
      const checked = codec.checkHandshake(handshake(), { ...between(), wire, challenged });
      const label = toHex(new TextEncoder().encode('peer-handshake-v3\0'));
      const ids = `0026${ID_A}0026${ID_B}`;
      const challenges = `0020${'01'.repeat(32)}0020${'02'.repeat(32)}`;
      const protocolId = `000a${toHex(new TextEncoder().encode('/net/1/hs3'))}`;
      const wanted = `${label}000101${ids}${challenges}0010${stamp}${protocolId}`;
      expect(checked.ok && toHex(checked.signed)).toBe(wanted);
      expect(() => codec.checkHandshake(handshake(), { ...between(), wire })).toThrow(RangeError);
      const other = { ...challenged, isConnecting: true };
      const turned = codec.checkHandshake(handshake(), { ...between(), wire, challenged: other });
      expect(turned.ok && toHex(turned.signed)).toBe(wanted.replace('000101', '000100'));
    });
  });
}
