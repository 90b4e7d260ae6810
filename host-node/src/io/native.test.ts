/** The native backends against the same suite as the portable one, where the addon is there. */
import { describe } from 'vitest';
import { chooseBackends } from './choose-backend.ts';
import { type NativeAddon, nativeAddon } from './native-addon.ts';
import { describePacketIo } from './packet-io.compliance.ts';
import { NativeOnSink } from './testing/native-on-sink.ts';

const addon = await nativeAddon();

/** Why the backend cannot be tried here; '' when it can. */
async function obstacle(backend: 'mmsg' | 'io_uring'): Promise<string> {
  return chooseBackends({ backend }).then(
    () => '',
    (error: Error) => ` (DID NOT RUN: ${error.message})`,
  );
}

for (const backend of ['mmsg', 'io_uring'] as const) {
  const why = await obstacle(backend);
  describe.runIf(why === '')(`native${why}`, () => {
    describePacketIo(backend, () => new NativeOnSink(addon as NativeAddon, backend));
  });
}
