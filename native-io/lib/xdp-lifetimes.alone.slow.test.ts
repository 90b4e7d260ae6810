// Beginnings and ends of AF_XDP sockets: nothing stays behind, whichever way they end; and every
// refusal says what mends it.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heldDescriptors, pinnedKiB } from './testing/process-holdings.ts';
import { RingEngine } from './testing/ring-engine.ts';
import { loadTestModule, loadXdpAddon } from './testing/test-module.ts';
import { SERVER_IP, Veth, whyNoXdp } from './testing/veth.ts';
import { Client, PORT, XdpServer } from './testing/xdp-server.ts';
import type { XdpWorkerData, XdpWorkerMessage } from './testing/xdp-worker.ts';
import { type AttachOptions, attachXdp, type OpenXdpOptions, openXdp } from './xdp.ts';

const whyNot = whyNoXdp();
if (whyNot) console.warn(`tests of AF_XDP's lifetimes are skipped: ${whyNot}`);
const module = whyNot ? undefined : loadTestModule();

const LONG = process.env['ANDVARI_LONG'] === '1';
const RESTARTS = LONG ? 100 : 10;
const workerFile = new URL('./testing/xdp-worker.ts', import.meta.url);
/** Numbers of linux/capability.h. */
const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const CAP_BPF = 39;

const payload = (length: number) => Uint8Array.from({ length }, (_, index) => index & 0xff);

describe.skipIf(whyNot)('the life of AF_XDP sockets', () => {
  let veth: Veth;
  beforeAll(() => {
    veth = new Veth({ queues: 2 });
    // An interface without an address, and one with an address of its own.
    const none = ['link', 'add', 'and-none', 'type', 'veth', 'peer', 'name', 'and-peer'];
    spawnSync('ip', ['-n', veth.server, ...none]);
    const other = ['addr', 'add', '10.78.0.1/24', 'dev', 'and-peer'];
    spawnSync('ip', ['-n', veth.server, ...other]);
  });
  afterAll(() => veth?.remove());

  const workerData = (own: Partial<XdpWorkerData> = {}): XdpWorkerData => ({
    namespace: veth.server,
    interface: veth.serverInterface,
    host: SERVER_IP,
    port: PORT,
    queue: 0,
    ...own,
  });

  /** Asks over and over, from new ports, until a socket of the other thread or process answers. */
  const isAnswered = (tries = 20) => {
    for (let i = 0; i < tries; i++) {
      const asks = new Client(veth);
      asks.send(payload(80));
      const answer = asks.receive(100);
      asks.close();
      if (answer) return answer.length === 80;
    }
    return false;
  };

  const startThread = async (own: Partial<XdpWorkerData> = {}) => {
    const worker = new Worker(workerFile, { workerData: workerData(own) });
    const [message] = (await once(worker, 'message')) as [XdpWorkerMessage];
    return { worker, message };
  };

  const startProcess = async (own: Partial<XdpWorkerData> = {}) => {
    const child = fork(workerFile, [JSON.stringify(workerData(own))], { execArgv: [] });
    const [message] = (await once(child, 'message')) as [XdpWorkerMessage];
    return { child, message };
  };

  const kill = async (child: ChildProcess) => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };

  const hasProgram = () => / xdp(?:generic)?\b|prog\/xdp/.test(veth.serverLink());

  it('closes twice, and leaves no program, no queue and no descriptor', () => {
    new XdpServer(veth).close();
    const before = { descriptors: heldDescriptors(), pinnedKiB: pinnedKiB() };
    for (let round = 0; round < 5; round++) {
      const server = new XdpServer(veth);
      expect(hasProgram()).toBe(true);
      const { socket } = server;
      server.close();
      server.close();
      expect(hasProgram()).toBe(false);
      expect(socket.turn(0, 0)).toBe(0);
      expect(socket.counters()).toMatchObject({ received: 0 });
      expect(socket.statistics()).toMatchObject({ malformed: 0 });
    }
    expect({ descriptors: heldDescriptors(), pinnedKiB: pinnedKiB() }).toEqual(before);
  });

  it('leaves packets to the kernel socket while the program is off', () => {
    const server = new XdpServer(veth);
    server.attachment.close();
    const asks = new Client(veth);
    expect(asks.ask(server, payload(70))?.length).toBe(70);
    expect(server.socket.statistics().byKernel).toBe(1);
    asks.close();
    server.close();
  });

  it('starts again at once after every SIGKILL', { timeout: 600_000 }, async () => {
    for (let round = 0; round < RESTARTS; round++) {
      const { child, message } = await startProcess();
      expect(message).toEqual({ ready: 'native' });
      if (round % 5 === 0) expect(isAnswered()).toBe(true);
      await kill(child);
    }
    expect(hasProgram()).toBe(false);
    new XdpServer(veth).close();
  });

  it('ends with its thread, also when that is terminated', async () => {
    for (let round = 0; round < 3; round++) {
      const { worker, message } = await startThread();
      expect(message).toEqual({ ready: 'native' });
      expect(isAnswered()).toBe(true);
      await worker.terminate();
      expect(hasProgram()).toBe(false);
    }
    new XdpServer(veth).close();
  });

  it('shares two queues between two threads', async () => {
    const where = { interface: veth.serverInterface, host: SERVER_IP, port: PORT };
    const attachment = module!.inNamespace(veth.server, () => attachXdp(loadXdpAddon(), where));
    expect(attachment.queues).toBe(2);
    const { mapFd, mode } = attachment;
    const threads = [];
    for (const queue of [0, 1]) threads.push(await startThread({ queue, mapFd, mode }));
    expect(threads.map(({ message }) => message)).toEqual([{ ready: mode }, { ready: mode }]);
    for (let i = 0; i < 40; i++) expect(isAnswered()).toBe(true);
    const received = [];
    for (const { worker } of threads) {
      worker.postMessage('stop');
      const [message] = (await once(worker, 'message')) as [{ received: number }];
      received.push(message.received);
    }
    expect(Math.min(...received)).toBeGreaterThan(0);
    expect(received[0]! + received[1]!).toBeGreaterThanOrEqual(40);
    attachment.close();
    expect(hasProgram()).toBe(false);
  });

  describe('refuses', () => {
    const attach = (own: Partial<AttachOptions> = {}) =>
      module!.inNamespace(veth.server, () =>
        attachXdp(loadXdpAddon(), {
          ...{ interface: veth.serverInterface, host: SERVER_IP, port: PORT },
          ...own,
        }),
      );

    const openOn = (own: Partial<OpenXdpOptions>, frameCount = 64) => {
      const { port } = new RingEngine({ frameCount });
      const where = { interface: veth.serverInterface, host: SERVER_IP, port: PORT };
      const options = { ...port, ...where, queue: 0, mapFd: -1, mode: 'native' as const, ...own };
      return module!.inNamespace(veth.server, () => openXdp(loadXdpAddon(), options));
    };

    it.each<[Partial<AttachOptions>, string, RegExp]>([
      [{ interface: 'nowhere0' }, 'ANDVARI_IO_INTERFACE', /ip link/],
      [{ queues: 3 }, 'ANDVARI_IO_QUEUE', /^ask for fewer, or give it more: `ethtool -L vs/],
      [{ host: 'localhost' }, 'ANDVARI_ADDRESS', /IPv4 or IPv6 address/],
      [{ host: '127.0.0.1' }, 'ANDVARI_ADDRESS', /that address, or listen at 0\.0\.0\.0/],
      [{ host: '::1' }, 'ANDVARI_ADDRESS', /that address, or listen at ::/],
      [{ host: '10.78.0.1' }, 'ANDVARI_ADDRESS', /give the interface that address/],
      [{ host: `${SERVER_IP}\0` }, 'ANDVARI_ADDRESS', /IPv4 or IPv6 address/],
      [{ interface: 'and-none' }, 'ANDVARI_ADDRESS', /give the interface that address/],
      [{ interface: 'and-none', host: '0.0.0.0' }, 'ANDVARI_ADDRESS', /give the interface an IP/],
      [{ interface: 'lo' }, 'ANDVARI_IO_INTERFACE', /another backend/],
    ])('to attach %j', (own, code, mend) => {
      expect(() => attach(own)).toThrow(
        expect.objectContaining({ code, mend: expect.stringMatching(mend) }),
      );
    });

    it('a second program', () => {
      const first = attach();
      const code = 'ANDVARI_IO_QUEUE_BUSY';
      expect(() => attach({ port: PORT + 1 })).toThrow(expect.objectContaining({ code }));
      first.close();
    });

    it('a prefix without a place for any, and after its end', () => {
      const closed = { code: 'ANDVARI_IO_CLOSED', message: 'addPrefix: the program is closed' };
      const wanted = { mend: 'attach with cidPrefixes: true' };
      for (const cidPrefixes of [true, false]) {
        const attachment = attach({ cidPrefixes });
        if (cidPrefixes) expect(attachment.addPrefix(1)).toBeUndefined();
        else expect(() => attachment.addPrefix(1)).toThrow(expect.objectContaining(wanted));
        attachment.close();
        expect(() => attachment.addPrefix(1)).toThrow(expect.objectContaining(closed));
        expect(attachment.removePrefix(1)).toBeUndefined();
      }
    });

    it('a second socket on a queue, and a queue that does not exist', () => {
      const server = new XdpServer(veth);
      const { mapFd } = server.attachment;
      const busy = { code: 'ANDVARI_IO_QUEUE_BUSY', mend: expect.stringMatching(/another queue/) };
      expect(() => openOn({ mapFd, reusePort: true })).toThrow(expect.objectContaining(busy));
      const none = { code: 'ANDVARI_IO_QUEUE', mend: expect.stringMatching(/use fewer workers/) };
      expect(() => openOn({ mapFd, queue: 2, reusePort: true })).toThrow(
        expect.objectContaining(none),
      );
      const used = { code: 'ANDVARI_PORT_IN_USE' };
      expect(() => openOn({ mapFd, queue: 1 })).toThrow(expect.objectContaining(used));
      server.close();
    });

    it('a map that is none, and leaves the queue free', () => {
      const map = { code: 'ANDVARI_IO_SYSTEM', mend: expect.stringMatching(/attach the program/) };
      expect(() => openOn({ mapFd: 0 })).toThrow(expect.objectContaining(map));
      new XdpServer(veth).close();
    });

    it('a thread without the capabilities', async () => {
      const { worker, message } = await startThread({ capabilities: [CAP_NET_RAW] });
      await worker.terminate();
      expect(message).toMatchObject({
        code: 'ANDVARI_IO_PERMISSION',
        message: expect.stringMatching(/CAP_NET_ADMIN, CAP_BPF/),
        mend: expect.stringMatching(/^give them to the process with AmbientCapabilities=/),
      });
    });

    it.each<[number, number, object]>([
      [
        1,
        0,
        { mend: expect.stringMatching(/^this socket's frames are 4 MiB, .* limit of 1 MiB: /) },
      ],
      [5, 1, { mend: expect.stringMatching(/ 4 MiB, more than is left of the limit of 5 MiB: /) }],
      [5, 0, { ready: 'native' }],
    ])('of a limit of %i MiB what %i more socket(s) take too much', (limitMiB, more, told) => {
      // The limit belongs to the process, so that this needs one of its own.
      const capabilities = [CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF];
      const data = JSON.stringify(workerData({ capabilities, frameCount: 1024, more }));
      const run = `ulimit -l ${limitMiB * 1024} && exec "$0" --input-type=module -e "$1" "$2"`;
      const code = `process.send = (m) => console.log(JSON.stringify(m));
        process.argv.splice(1, 0, 'worker');
        await import(${JSON.stringify(workerFile.href)}); process.exit();`;
      const { stdout, stderr } = spawnSync('bash', ['-c', run, process.execPath, code, data]);
      const heard = JSON.parse(stdout.toString() || `"${stderr}"`);
      expect(heard).toMatchObject(told);
      if (!('ready' in told)) expect(heard.code).toBe('ANDVARI_IO_MEMLOCK');
    });

    it('works with no more than three capabilities', async () => {
      const capabilities = [CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF];
      const { worker, message } = await startThread({ capabilities, frameCount: 128 });
      expect(message).toEqual({ ready: 'native' });
      expect(isAnswered()).toBe(true);
      await worker.terminate();
    });

    it.each<[Partial<OpenXdpOptions>, string]>([
      [{ queue: -1 }, 'queue: wanted a whole number from 0 to 65535, got -1'],
      [{ ring: 100 }, 'ring: wanted a power of two from 64 to 65536, got 100'],
      [{ mode: 'auto' as never }, 'mode: wanted native or generic, got auto'],
      [{ interface: '' }, 'interface: wanted a name of 1 to 15 characters, got '],
      [{ quue: 1 } as never, 'quue: no such option'],
      [{ hugePages: 1 as never }, 'hugePages: wanted true or false, got number'],
    ])('the options %j', (own, message) => {
      expect(() => openOn({ mapFd: 0, ...own })).toThrow(message);
    });
  });
});
