/** What a server says when the kernel refuses a backend; the addon is played. */
import { describe, expect, it, vi } from 'vitest';
import type { EngineLoop } from '../raida/engine-loop.ts';
import type { WorkerPool } from '../raida/worker-pool.ts';
import { BackendError } from './choose-backend.ts';
import { ServerPackets } from './server-packets.ts';

const attachXdp = vi.hoisted(() => vi.fn());
vi.mock('@andvari/native-io', () => ({ loadNative: () => ({ attachXdp }) }));

describe('when af_xdp is refused', () => {
  const loop = { engine: { nativeFrames: { count: 1024 } } } as EngineLoop;
  const pool = { counts: [1, 2, 3], shut: async () => undefined } as unknown as WorkerPool;
  const open = (error: object) => {
    attachXdp.mockImplementation(() => {
      throw Object.assign(new Error('no way'), error);
    });
    const io = { backend: 'auto', interface: 'vs' } as const;
    const packets = new ServerPackets({ io, backend: 'af_xdp', loop, pool });
    return packets.open({ host: '127.0.0.1', port: 5 });
  };

  it.each(['ANDVARI_IO_QUEUE_BUSY', 'ANDVARI_ADDRESS'])(
    '%s is told once, with what mends it',
    async (code) => {
      const opening = open({ code, mend: 'make one' });
      await expect(opening).rejects.toThrow(BackendError);
      await expect(opening).rejects.toMatchObject({
        code,
        why: 'no way (make one)',
        message: 'io.backend "af_xdp" cannot be used: no way (make one)',
      });
    },
  );

  it('an error that is no refusal stays what it is', async () => {
    const opening = open({ code: 'ERR_X' });
    await expect(opening).rejects.not.toThrow(BackendError);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_X', message: 'no way' });
  });

  it('of locked memory, all that the server wants is told', async () => {
    const memlock = { code: 'ANDVARI_IO_MEMLOCK', mend: 'raise it' };
    await expect(open(memlock)).rejects.toMatchObject({
      code: 'ANDVARI_IO_MEMLOCK',
      why: 'no way (raise it); the 3 sockets of this server want 12 MiB in all',
    });
  });
});
