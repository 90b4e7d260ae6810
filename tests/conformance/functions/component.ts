/** The functions of the component, as jco binds it. Web-standard only. */
import type * as component from '@andvari/host-common/component';
import type { raidaServer } from '@andvari/host-common/component';
import { ComponentServer } from '../../component/component-server.ts';
import { faultOf } from '../../component/faults.ts';
import { IDENTITY } from '../../engine/vector-state.ts';
import { bytesOf, type Fields, hexOfNumber, type Outcome } from '../case.ts';
import { type Functions, type HostFunction, output, verdict } from './functions.ts';
import { HASH_KEY, NOW_US, pageSource, RANDOM, SIZES } from './raida-state.ts';
import { digestOf, requestOf } from './raw-raida.ts';

type Component = typeof component;
const WIRES = ['bare', 'message', 'challenge'] as const;

/** A function that gives bytes, or throws a fault of its WIT. */
const tried =
  (call: (f: Fields) => Uint8Array): HostFunction =>
  (f) => {
    let bytes: Uint8Array = new Uint8Array(0);
    const fault = faultOf(() => {
      bytes = call(f);
    });
    return fault === undefined ? output(bytes) : verdict(String(fault));
  };

export function componentFunctions(bound: Component): Functions {
  return {
    ...hashes(bound),
    ...ciphers(bound),
    ...transfer(bound),
    ...raida(bound),
    ...ratatoskr(bound),
    ...peer(bound),
  };
}

function hashes({ hash }: Component): Functions {
  return {
    'hash.crc32': (f) => ({ output: hexOfNumber(hash.crc32(f.bytes('bytes')), 4) }),
    'hash.md5': (f) => output(hash.md5(f.bytes('bytes'))),
    'hash.sha256': (f) => output(hash.sha256(f.bytes('bytes'))),
    'hash.hmac-sha256': (f) => output(hash.hmacSha256(f.bytes('key'), f.bytes('bytes'))),
    'hash.blake3': tried((f) => hash.blake3(f.bytes('bytes'), f.number('length'))),
    'hash.blake3-keyed': tried((f) =>
      hash.blake3Keyed(f.bytes('key'), f.bytes('bytes'), f.number('length')),
    ),
    'hash.blake3-derive': tried((f) =>
      hash.blake3Derive(f.bytes('context'), f.bytes('bytes'), f.number('length')),
    ),
    'hash.blake3-part': tried((f) => hash.blake3Part(f.bytes('bytes'), f.bigint('first'))),
    'hash.blake3-parent': tried((f) =>
      hash.blake3Parent(f.bytes('left'), f.bytes('right'), f.isTrue('root')),
    ),
  };
}

function ciphers({ cipher }: Component): Functions {
  const sealed = (f: Fields, name: string) =>
    [f.bytes('key'), f.bytes('nonce'), f.bytes('associated'), f.bytes(name)] as const;
  return {
    'cipher.ctr': tried((f) => cipher.ctr(f.bytes('key'), f.bytes('counter'), f.bytes('text'))),
    'cipher.chacha20': tried((f) =>
      cipher.chacha20(f.bytes('key'), f.number('counter'), f.bytes('nonce'), f.bytes('text')),
    ),
    'cipher.hchacha20': tried((f) => cipher.hchacha20(f.bytes('key'), f.bytes('nonce'))),
    'cipher.seal': tried((f) => cipher.seal(...sealed(f, 'text'))),
    'cipher.open': tried((f) => cipher.open(...sealed(f, 'sealed'))),
  };
}

function transfer({ transfer: { Packets, lz4Pack, lz4Unpack } }: Component): Functions {
  const session = (f: Fields) => {
    const packets = Packets.start(f.bytes('keys'), f.isTrue('initiator'), f.isTrue('protected'));
    if (f.has('rekey')) packets.rekey(f.bytes('rekey'), 1);
    return packets;
  };
  return {
    'transfer.open-packet': tried((f) => {
      using packets = session(f);
      return packets.open(f.bytes('packet'));
    }),
    'transfer.seal-packet': tried((f) => {
      using packets = session(f);
      const earlier = new Uint8Array(60);
      for (let n = f.number('before'); n > 0; n--) packets.seal(earlier, 84);
      return packets.seal(f.bytes('frame'), f.number('length'));
    }),
    'transfer.lz4-pack': (f) => {
      const packed = lz4Pack(f.bytes('bytes'), f.number('room'));
      if (!packed) return verdict('none');
      return output(Uint8Array.from([...bytesOf(hexOfNumber(packed.held, 4)), ...packed.block]));
    },
    'transfer.lz4-unpack': (f) => {
      const bytes = lz4Unpack(f.bytes('block'));
      return bytes ? output(bytes) : verdict('none');
    },
  };
}

function raida({ raida, hash, raidaServer: { Engine } }: Component): Functions {
  const sha256 = (bytes: Uint8Array) => hash.sha256(bytes);
  const pages = pageSource(sha256);
  return {
    'raida.seal-request': tried((f) => raida.sealRequest(requestOf(f))),
    'raida.open-reply': tried((f) => raida.openReply(requestOf(f), f.bytes('reply')).payload),
    'raida-server.session': (f) => {
      const server = new ComponentServer(configurationOf(f), pages, BigInt(NOW_US), Engine);
      try {
        server.engine.addRandom(RANDOM);
        return session(server, f, sha256);
      } finally {
        server.end();
      }
    },
  };
}

function configurationOf(f: Fields): raidaServer.Configuration {
  return {
    ...SIZES,
    raidaId: IDENTITY.raidaId,
    coinId: IDENTITY.coinId,
    wire: f.isTrue('legacy') ? 'legacy' : 'spec',
    modern: true,
    adminClear: false,
    openKeyRecords: false,
    btcConfirmations: 3,
    version: new TextEncoder().encode(IDENTITY.version),
    adminKey: IDENTITY.adminKey,
    hashKey: HASH_KEY,
  };
}

function session(
  server: ComponentServer,
  f: Fields,
  sha256: (bytes: Uint8Array) => Uint8Array,
): Outcome {
  const datagrams = f.bytes('datagrams');
  const parts: number[] = [];
  for (const [index, request] of f.list('requests').entries()) {
    const reply = server.ask(request, datagrams[index] !== 0) ?? new Uint8Array(0);
    parts.push(...bytesOf(hexOfNumber(reply.length, 4)), ...reply);
  }
  const both = [Uint8Array.from(parts), Uint8Array.from(server.journal)];
  return output(Uint8Array.from(both.flatMap((bytes) => [...digestOf(bytes, sha256)])));
}

function ratatoskr({ ratatoskr: codec }: Component): Functions {
  const open = (f: Fields) =>
    codec.openRequest(f.bytes('message'), f.bigint('now'), f.number('skew'));
  return {
    'ratatoskr.open-request': tried((f) => open(f).digest),
    'ratatoskr.encode-request': tried((f) => codec.encodeRequest(open(f).request)),
    'ratatoskr.encode-response': tried((f) =>
      codec.encodeResponse(codec.openResponse(f.bytes('message'))),
    ),
    'ratatoskr.check-signature': (f) => {
      const fault = faultOf(() => codec.checkSignature(f.bytes('key'), f.bytes('signature')));
      return verdict(fault === undefined ? 'ok' : String(fault));
    },
  };
}

function peer({ peer: codec }: Component): Functions {
  const wireOf = (f: Fields) => WIRES[(f.has('wire') ? f.number('wire') : 2) - 1] ?? 'message';
  const message = (carrier: 'direct' | 'broadcast') =>
    tried((f) => codec.encodeMessage(codec.openMessage(f.bytes('message'), carrier), carrier));
  return {
    'peer.encode-request': tried((f) =>
      codec.encodeRequest(codec.openRequest(f.bytes('message'), wireOf(f)), wireOf(f)),
    ),
    'peer.encode-response': tried((f) =>
      codec.encodeResponse(codec.openResponse(f.bytes('message'), wireOf(f)), wireOf(f)),
    ),
    'peer.encode-direct': message('direct'),
    'peer.encode-broadcast': message('broadcast'),
  };
}
