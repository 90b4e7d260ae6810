// What a process is told that may not do everything: each cause by its own name. Each case has a
// process of its own, which gives something up and then asks.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { loadNative, type Probe } from '../../native-io/lib/index.ts';
import { whyNoTestModule } from '../../native-io/lib/testing/test-module.ts';

const native = loadNative();
const whyNot = 'missing' in native ? native.missing : whyNoTestModule();
if (whyNot) console.warn(`tests of what is forbidden are skipped: ${whyNot}`);
const isRoot = process.getuid?.() === 0;
const OK = { errno: 0, why: '', code: '' };
const CAP_NET_RAW = 13;

const urlOf = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
const MODULE = urlOf('../../native-io/lib/testing/test-module.ts');
const CHOOSE = urlOf('../../host-node/src/io/choose-backend.ts');

interface Told {
  probe: Probe;
  /** Of af_xdp by its name, and what `auto` says of it. */
  named: { code?: string; message: string };
  chosen: { backend: string; better: string[] }[];
}

/** What is told after `before`, code with the test module as `module`. */
function toldAfter(before: string, ...runner: string[]): Told {
  const program = `const { loadTestModule } = await import(${MODULE});
    const { probe } = await import(${urlOf('../../native-io/lib/index.ts')});
    const { chooseBackends } = await import(${CHOOSE});
    const module = loadTestModule();
    ${before};
    const named = () => {
      try {
        chooseBackends({ backend: 'af_xdp', interface: 'x' });
      } catch ({ code, message }) {
        return { code, message };
      }
      return { message: '' };
    };
    const chosen = chooseBackends({ backend: 'auto', interface: 'x' });
    console.log(JSON.stringify({ probe: probe(), named: named(), chosen }));`;
  const [command = '', ...words] = [...runner, process.execPath];
  const { stdout, stderr } = spawnSync(
    command,
    [...words, '--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Told;
}

const forbids =
  /^bpf.*: Operation not permitted \(seccomp, a container's profile .* or use another/;

describe.skipIf(whyNot)('a process', () => {
  it.each(['recvmmsg', 'sendmmsg'])('that may not call %s has no mmsg, and no af_xdp', (name) => {
    const { probe, chosen } = toldAfter(`module.denyCalls(['${name}'])`);
    expect(probe.mmsg).toMatchObject({
      code: 'ANDVARI_IO_PERMISSION',
      why: expect.stringMatching(
        new RegExp(`^${name}: Operation not permitted \\(seccomp .* use another backend\\)$`),
      ),
    });
    const backends = chosen.map(({ backend }) => backend);
    expect(backends).not.toContain('mmsg');
    expect(backends).not.toContain('af_xdp');
    expect(backends.at(-1)).toBe('portable');
    expect(chosen.at(-1)?.better.join()).toMatch(`mmsg: ${name}: `);
  });

  it.runIf(isRoot)('that may do everything is told nothing', () => {
    const { probe, named } = toldAfter('module.denyCalls([])');
    expect(probe).toMatchObject({ mmsg: OK, xdp: OK, bpf: OK });
    expect(named.message).toBe('');
  });

  it.runIf(isRoot)('that may not call bpf() is not told of locked memory', () => {
    const { probe, named } = toldAfter("module.denyCalls(['bpf'])");
    expect(probe).toMatchObject({ mmsg: OK, xdp: OK });
    expect(probe.bpf.code).toBe('ANDVARI_IO_PERMISSION');
    expect(probe.bpf.why).toMatch(forbids);
    expect(named.code).toBe('ANDVARI_IO_PERMISSION');
    expect(named.message).not.toMatch(/lock/i);
  });

  it.runIf(isRoot)('in a user namespace is told so', () => {
    const { probe, named } = toldAfter('', 'unshare', '-Urn');
    expect(probe.mmsg).toEqual(OK);
    expect(probe.bpf.code).toBe('ANDVARI_IO_PERMISSION');
    expect(probe.bpf.why).toMatch(/^bpf\(BPF_MAP_CREATE\): .* \(AF_XDP .* user namespace, such as/);
    expect(named.code).toBe('ANDVARI_IO_PERMISSION');
    expect(named.message).not.toMatch(/lock|capabilit|seccomp/i);
  });

  it.runIf(isRoot)('without capabilities is told of all at once, and how to give them', () => {
    const all = toldAfter('module.keepCapabilities([])');
    const mend = /with AmbientCapabilities= .* `setcap`, or run it as root/;
    expect(all.probe.xdp.code).toBe('ANDVARI_IO_PERMISSION');
    expect(all.probe.xdp.why).toMatch(/^AF_XDP without CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF: /);
    expect(all.named.code).toBe('ANDVARI_IO_PERMISSION');
    expect(all.named.message).toMatch(mend);
    expect(all.chosen[0]?.better).toEqual([`af_xdp: ${all.probe.xdp.why}`]);
    const two = toldAfter(`module.keepCapabilities([${CAP_NET_RAW}])`);
    expect(two.probe.xdp.why).toMatch(/^AF_XDP without CAP_NET_ADMIN, CAP_BPF: .*give them to/);
  });
});
