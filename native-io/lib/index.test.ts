// How the addon is found, turned off and refused, and what its arguments may be.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadNative, type OpenOptions, probe } from './index.ts';
import { checkOpenOptions } from './port-options.ts';
import { RingEngine } from './testing/ring-engine.ts';
import { isWholeBinary } from './whole-binary.ts';

const native = loadNative();

/** What loadNative() gives in a process with this ANDVARI_NATIVE. */
function loadedWith(value: string): unknown {
  const index = new URL('./index.ts', import.meta.url);
  const program = `const { loadNative, probe } = await import(${JSON.stringify(index.href)});
    console.log(JSON.stringify([loadNative(), probe()]));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    env: { ...process.env, ANDVARI_NATIVE: value },
  });
  expect(child.stderr).toBe('');
  return JSON.parse(child.stdout);
}

describe('loadNative', () => {
  it('is turned off by ANDVARI_NATIVE=off', () => {
    const off = { missing: 'ANDVARI_NATIVE=off' };
    expect(loadedWith('off')).toEqual([off, off]);
  });

  it('says in one line why a binary does not load', () => {
    const [gone] = loadedWith('/nowhere/x.node') as [{ missing: string }];
    expect(gone.missing).toMatch(/^there is no binary/);
    const [other] = loadedWith('package.json') as [{ missing: string }];
    expect(other.missing).toBe('it was built for another engine (`npm run build` makes it anew)');
  });
});

describe('a binary', () => {
  const folder = mkdtempSync(join(tmpdir(), 'andvari-binary-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  // An ELF header that says: three section headers of 64 bytes from byte 200 on.
  const whole = Buffer.alloc(392);
  Buffer.from('7f454c460201', 'hex').copy(whole);
  whole.writeBigUInt64LE(200n, 0x28);
  whole.writeUInt16LE(64, 0x3a);
  whole.writeUInt16LE(3, 0x3c);

  it.each([1, 63, 64, 200, 391])('cut to %i bytes is not loaded', (bytes) => {
    const path = join(folder, `${bytes}.node`);
    writeFileSync(path, whole.subarray(0, bytes));
    expect(isWholeBinary(path)).toBe(false);
    const [cut] = loadedWith(path) as [{ missing: string }];
    expect(cut.missing).toBe(`${path} is cut short`);
  });

  it('that is whole is, or the loader says why not', () => {
    expect(isWholeBinary(process.execPath)).toBe(true);
    for (const bytes of [
      whole,
      'no binary at all, but as long as a header has to be, and then some',
    ]) {
      const path = join(folder, 'whole.node');
      writeFileSync(path, bytes);
      expect(isWholeBinary(path)).toBe(true);
      const [other] = loadedWith(path) as [{ missing: string }];
      expect(other.missing).toContain('whole.node');
    }
  });
});

describe.runIf(process.env['ANDVARI_REQUIRE_NATIVE'] === '1')(
  'where nothing may be left out',
  () => {
    it('every way into the kernel is there', () => {
      expect(probe()).toMatchObject({
        ...{ mmsg: { why: '' }, uring: { why: '' }, xdp: { why: '' }, bpf: { why: '' } },
      });
    });
  },
);

describe('probe', () => {
  it('tells of each way why it is not there', () => {
    const probed = probe();
    if ('missing' in probed) return;
    expect(probed.mmsg).toEqual({ errno: 0, why: '', code: '' });
    for (const { errno, why, code } of Object.values(probed)) {
      expect(why === '').toBe(errno === 0);
      expect(code === '').toBe(errno === 0);
      expect(why).not.toContain('\n');
    }
  });
});

describe('checkOpenOptions', () => {
  const engine = new RingEngine();
  const good: OpenOptions = { ...engine.port, host: '127.0.0.1', port: 0, reusePort: true };

  it('takes what is right', () => {
    expect(checkOpenOptions(good)).toBeUndefined();
    expect(checkOpenOptions({ ...good, own: 1 } as OpenOptions, ['own'])).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['rx', '1', 'rx: wanted a number, got string'],
    ['peers', 1.5, 'peers: wanted a whole number from 0 to 4294967295, got 1.5'],
    ['frames', -1, 'frames: wanted a whole number from 0 to 4294967295, got -1'],
    ['hashKey', Number.NaN, 'hashKey: wanted a whole number from 0 to 4294967295, got NaN'],
    ['port', 65_536, 'port: wanted a whole number from 0 to 65535, got 65536'],
    ['host', 1, 'host: wanted an IP address, got number'],
    ['memory', new ArrayBuffer(8), 'memory: wanted a WebAssembly.Memory, got object'],
    ['reusePort', 1, 'reusePort: wanted true or false, got number'],
    ['resuePort', true, 'resuePort: no such option'],
  ])('refuses %s: %s', (name, value, message) => {
    expect(() => checkOpenOptions({ ...good, [name]: value } as OpenOptions)).toThrow(message);
  });
});

describe.skipIf('missing' in native)('the addon', () => {
  const { port } = new RingEngine();
  const end = port.memory.buffer.byteLength;
  const place = { host: '127.0.0.1', port: 0 };

  it.each<Partial<OpenOptions>>([
    { rx: end - 64 },
    { rx: port.rx + 4 },
    { ready: 0xffffffc0 },
    { held: end },
    { ringEntries: 1000 },
    { ringEntries: 131_072 },
    { ringEntries: 0 },
    { committed: end },
    { committed: port.committed + 4 },
    { frames: 0 },
    { frames: port.frames + 64 },
    { frameCount: port.frameCount + 100 },
    { frameCount: 0xffffffff },
    { frameCount: 0 },
    { replyEnd: port.replyLow - 1 },
    { replyEnd: 0xffffffff },
    { largeFrames: 0 },
    { largeFrames: end - 65_536 },
    { largeFrameCount: 0xffffffff },
    { hashKey: end - 8 },
    { peers: 0 },
    { peers: 262_145 },
  ])('refuses %o', (wrong) => {
    if ('missing' in native) return;
    expect(() => native.openMmsg({ ...port, ...place, ...wrong })).toThrow(RangeError);
  });

  it('pins a thread to a core that it may use', () => {
    if ('missing' in native) return;
    // In a process of its own, which has one core, the last: every index is that one.
    const core = availableParallelism() - 1;
    const lib = new URL('./index.ts', import.meta.url).href;
    const program = `import { loadNative } from '${lib}';
      console.log(JSON.stringify([0, 1, 1023].map((index) => loadNative().pinThread(index))));`;
    const words = ['-c', String(core), process.execPath, '--input-type=module', '-e', program];
    const { stdout } = spawnSync('taskset', words, { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual([core, core, core]);
    expect(() => native.pinThread(-1)).toThrow(RangeError);
    expect(() => native.pinThread(70_000)).toThrow(RangeError);
  });
});
