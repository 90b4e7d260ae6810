/** ratatoskr and peer by the codecs over the engine. Web-standard only. */
import type { PeerCodec } from '@andvari/host-common/peer/codec';
import type { WireVersion } from '@andvari/host-common/peer/messages';
import type { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { encodeAgain, openCase } from '../../peer/encode-again.ts';
import type { Case as PeerCase } from '../../peer/messages.ts';
import type { Fields } from '../case.ts';
import { type Functions, type HostFunction, output, verdict } from './functions.ts';

export function rawRatatoskr(codec: RatatoskrCodec): Functions {
  const open = (f: Fields) =>
    codec.openRequest(f.bytes('message'), f.number('now'), f.number('skew'));
  return {
    'ratatoskr.open-request': (f) => {
      const opened = open(f);
      return opened.ok ? output(opened.digest) : verdict(opened.reason);
    },
    'ratatoskr.encode-request': (f) => {
      const opened = open(f);
      return opened.ok ? output(codec.encodeRequest(opened.request)) : verdict(opened.reason);
    },
    'ratatoskr.encode-response': (f) => {
      const opened = codec.openResponse(f.bytes('message'));
      return opened.ok ? output(codec.encodeResponse(opened.response)) : verdict(opened.reason);
    },
    'ratatoskr.check-signature': (f) => {
      const [key, signature] = [f.bytes('key'), f.bytes('signature')];
      return verdict(codec.refusedSignature(key, signature) ?? 'ok');
    },
  };
}

export function rawPeer(codec: PeerCodec): Functions {
  const encode =
    (kind: PeerCase['kind']): HostFunction =>
    (f) => {
      const wire = (f.has('wire') ? f.number('wire') : 2) as WireVersion;
      const one = { kind, wire };
      const opened = openCase(codec, one, f.bytes('message'));
      return opened.ok ? output(encodeAgain(codec, one, opened)) : verdict(opened.reason);
    };
  return {
    'peer.encode-request': encode('request'),
    'peer.encode-response': encode('response'),
    'peer.encode-direct': encode('direct'),
    'peer.encode-broadcast': encode('broadcast'),
  };
}
