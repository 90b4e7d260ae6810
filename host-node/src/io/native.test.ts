/** The native backends against the same suite as the portable one, where the addon is there. */
import { loadNative, type NativeAddon } from '@andvari/native-io';
import { describe } from 'vitest';
import { whyNotBackend } from './choose-backend.ts';
import { describePacketIo } from './packet-io.compliance.ts';
import { NativeOnSink } from './testing/native-on-sink.ts';

const addon = loadNative();

for (const backend of ['mmsg', 'io_uring'] as const) {
  const why = whyNotBackend({ backend });
  describe.runIf(why === '')(why ? `native (DID NOT RUN: ${why})` : 'native', () => {
    describePacketIo(backend, () => new NativeOnSink(addon as NativeAddon, backend));
  });
}
