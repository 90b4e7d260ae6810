import { expect, it } from 'vitest';
import { describePacketIo } from './packet-io.compliance.ts';
import { PortableUdp } from './portable-udp.ts';

describePacketIo('portable', () => new PortableUdp());

it('names its backend', () => {
  expect(new PortableUdp().backend).toBe('portable');
});
