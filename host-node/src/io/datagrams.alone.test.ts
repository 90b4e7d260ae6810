/** Each way of datagrams that this machine has against the suite of all; and which is taken. */

import { loadNative } from '@andvari/native-io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UdpTransport } from '../transfer/udp-transport.ts';
import { BackendError, whyNotBackend } from './choose-backend.ts';
import { describeDatagramIo } from './datagram-io.compliance.ts';
import { PortInUseError } from './packet-io.ts';

for (const backend of ['portable', 'mmsg'] as const) {
  const why = whyNotBackend({ backend });
  describe.runIf(why === '')(why ? `${backend} (DID NOT RUN: ${why})` : backend, () => {
    describeDatagramIo(backend, (address) => new UdpTransport(address, { backend }));
  });
}

describe('which one', () => {
  const address = { host: '127.0.0.1', port: 0 };
  const opened: UdpTransport[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  it('auto takes the best that is there', async () => {
    const transport = new UdpTransport(address);
    opened.push(transport);
    await transport.open(() => {});
    const why = whyNotBackend({ backend: 'mmsg' });
    expect(transport.backend).toBe(why ? 'portable' : 'mmsg');
    expect(transport.better.length).toBe(why ? 1 : 0);
  });

  it.each([
    ['io_uring', 'transfer goes by mmsg, af_xdp or portable'],
    ['af_xdp', 'no interface is named for it'],
  ] as const)('%s is not there, and it says so', async (backend, reason) => {
    const opening = new UdpTransport(address, { backend }).open(() => {});
    await expect(opening).rejects.toThrow(BackendError);
    await expect(opening).rejects.toMatchObject({
      code: 'ANDVARI_IO_UNSUPPORTED',
      message: `io.backend "${backend}" cannot be used: ${reason}`,
    });
  });

  it('refused at the last moment: auto goes on, a named one is an error', async () => {
    const addon = loadNative();
    if ('missing' in addon) return;
    const refuse = (code: string) =>
      vi.spyOn(addon, 'openDatagrams').mockImplementation(() => {
        throw Object.assign(new Error('setsockopt: not permitted'), { code, mend: 'allow it' });
      });
    refuse('ANDVARI_IO_PERMISSION');
    const transport = new UdpTransport(address);
    opened.push(transport);
    await transport.open(() => {});
    expect(transport.backend).toBe('portable');
    expect(transport.better).toEqual(['mmsg: setsockopt: not permitted (allow it)']);
    const named = new UdpTransport(address, { backend: 'mmsg' }).open(() => {});
    await expect(named).rejects.toMatchObject({ code: 'ANDVARI_IO_PERMISSION' });
    // Another way would find the port taken too, or another address than was meant.
    refuse('ANDVARI_PORT_IN_USE');
    await expect(new UdpTransport(address).open(() => {})).rejects.toThrow(PortInUseError);
  });

  it('without the addon auto is portable and says why; mmsg by its name is an error', async () => {
    vi.stubEnv('ANDVARI_NATIVE', 'off');
    vi.resetModules();
    const fresh = await import('../transfer/udp-transport.ts');
    const transport = new fresh.UdpTransport(address);
    await transport.open(() => {});
    expect([transport.backend, transport.better]).toEqual(['portable', ['ANDVARI_NATIVE=off']]);
    await transport.close();
    const named = new fresh.UdpTransport(address, { backend: 'mmsg' }).open(() => {});
    await expect(named).rejects.toMatchObject({
      name: 'BackendError',
      code: 'ANDVARI_IO_UNSUPPORTED',
      why: 'ANDVARI_NATIVE=off',
    });
  });
});
