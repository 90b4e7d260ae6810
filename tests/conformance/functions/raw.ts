/** Every function that the raw engine has, over one compiled module. Web-standard only. */
import { CLIENT_IDENTITY, CLIENT_SIZES } from '@andvari/host-common/engine/configuration';
import { Engine } from '@andvari/host-common/engine/engine';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import type { NativeTransfer } from '@andvari/host-common/engine/native-transfer';
import { PeerCodec } from '@andvari/host-common/peer/codec';
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { Primitives } from '../../engine/primitives.ts';
import type { Functions } from './functions.ts';
import { rawCurves } from './raw-curves.ts';
import { rawPeer, rawRatatoskr } from './raw-messages.ts';
import { rawPrimitives } from './raw-primitives.ts';
import { rawRaida } from './raw-raida.ts';
import { rawRuns } from './raw-runs.ts';

export interface RawOptions {
  /** `module` is the shared build. */
  shared?: boolean;
  nativeCtr?: NativeCtr;
  nativeTransfer?: NativeTransfer;
}

export function rawFunctions(
  module: WebAssembly.Module,
  { shared = false, nativeCtr, nativeTransfer }: RawOptions = {},
): Functions {
  const primitives = new Primitives(module, nativeCtr, shared, nativeTransfer);
  const sha256 = (bytes: Uint8Array) => primitives.sha256(bytes);
  const functions = {
    ...rawPrimitives(primitives),
    ...rawRaida({ module, shared, nativeCtr }, sha256),
  };
  // The codecs and machines of clients are made for the plain build.
  if (shared) return { ...functions, ...sharedCodecs(module) };
  const ratatoskr = RatatoskrCodec.create({ module });
  const peer = PeerCodec.create({ module });
  return {
    ...functions,
    ...rawRatatoskr(ratatoskr),
    ...rawPeer(peer),
    ...rawCurves,
    ...rawRuns(module, sha256),
  };
}

/** Codecs over an engine of the shared build, which their own create() has no use for. */
function sharedCodecs(module: WebAssembly.Module): Functions {
  const of = (sizes: object) =>
    Engine.create({
      module,
      shared: true,
      sizes: { ...CLIENT_SIZES, ...sizes },
      identity: CLIENT_IDENTITY,
    });
  const ratatoskr = Reflect.construct(RatatoskrCodec, [of({ ratatoskr: true, replayEntries: 0 })]);
  const peer = Reflect.construct(PeerCodec, [of({ peer: true })]);
  return { ...rawRatatoskr(ratatoskr), ...rawPeer(peer) };
}
