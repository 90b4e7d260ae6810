/** The simulation itself: that it sees what it is there to see, and writes down what happens. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { plainEngine } from '../../host-common/src/engine/module.ts';
import { nodeX25519 } from '../../host-node/src/transfer/node-x25519.ts';
import { randomFrom } from '../seeded-random.ts';
import { VirtualClock } from './clock.ts';
import { firstSeed } from './first-seed.ts';
import { NODES_MAX, newEngine, newMachines } from './machines.ts';
import { Network, nameOfAddress, type Passage, PERFECT, simulatedAddress } from './network.ts';
import type { SimulatedNode } from './node.ts';
import { Recorder } from './recorder.ts';
import { type Outcome, Run } from './run.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { timeline } from './timeline.ts';
import { WakeWatch } from './wake-watch.ts';

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

const machinesNow = () => newMachines(module, { x25519: nodeX25519, nodes: NODES_MAX });

/** Two nodes, one stream each way, nothing that happens. */
function calm(): Scenario {
  const scenario = scenarioOf(11);
  const [pair] = scenario.pairs;
  if (!pair) throw new Error('a pair was wanted');
  const stream = { bidi: false, priority: 9, expedited: false, unordered: false, atUs: 0 };
  const streams = [0, 1].map((side) => {
    return { ...stream, side: side as 0 | 1, bytes: 50000, cutShort: undefined };
  });
  return {
    seed: 1,
    nodes: scenario.nodes.map((node) => ({ ...node, link: PERFECT, keepalive: true })),
    pairs: [{ ...pair, crossedUs: undefined, streams, ending: 'close', ender: 0, error: 0 }],
    incidents: [],
    mayExpire: false,
  };
}

/** What a run comes to in which something goes wrong that `spoil` does. */
function spoilt(spoil: (nodes: SimulatedNode[], run: Run) => void): Outcome {
  const run = new Run(machinesNow(), calm());
  spoil(run.nodes, run);
  return run.run();
}

describe('a run', () => {
  test('of nothing but a transfer is well', () => {
    expect(spoilt(() => undefined)).toMatchObject({ failure: undefined, received: 100000 });
  });

  test('is the same again, after others, and when it is written down', () => {
    const run = (seed: number, recorder?: Recorder) => {
      return new Run(machinesNow(), scenarioOf(seed), recorder).run();
    };
    const first = run(13);
    run(12);
    expect(run(13)).toEqual(first);
    const recorder = new Recorder(newEngine(module), machinesNow().startUs);
    expect(run(13, recorder)).toEqual(first);
    expect(run(14).trace).not.toBe(first.trace);
  });

  test('fails for a byte that is another', () => {
    const { failure } = spoilt(([, called]) => {
      const { streams } = (called as SimulatedNode).endpoint.transfer;
      const read = streams.read.bind(streams);
      streams.read = (stream, take, most) =>
        read(
          stream,
          (bytes, offset) => take(offset ? bytes.map((byte) => byte ^ 1) : bytes, offset),
          most,
        );
    });
    expect(failure).toMatch(/^byte \d+ is wrong/);
  });

  test('fails for bytes that were acked and never read', () => {
    const { failure } = spoilt(([, called]) => {
      const { streams } = (called as SimulatedNode).endpoint.transfer;
      streams.read = (stream, take, most) => {
        void [stream, take, most];
        return 0;
      };
    });
    expect(failure).toMatch(/^finished at 0|bytes were acked, and 0 are there/);
  });

  test('fails when nothing happens any more though all is well', () => {
    const { failure } = spoilt((_, { network }) => network.part(0, 1));
    expect(failure).toMatch(/^nothing happens between .* \(all is well\)$/);
  });

  test('fails for a session that stays', () => {
    const { failure } = spoilt(([caller]) => {
      const { transfer } = (caller as SimulatedNode).endpoint;
      const close = transfer.close.bind(transfer);
      transfer.close = (...all) => all[2] === 'never' && close(...all);
    });
    expect(failure).toMatch(/^nothing happens between .*ending/);
  });

  test('fails for an end that the sides tell otherwise', () => {
    const { failure } = spoilt(([caller]) => {
      const { transfer } = (caller as SimulatedNode).endpoint;
      const close = transfer.close.bind(transfer);
      transfer.close = (session, error) => close(session, error, 'for no reason');
    });
    expect(failure).toMatch(/side 1 was told 0\/1\/for no reason, not 0\/1\/done by 0/);
  });
});

describe('a stranger', () => {
  const calling = (more: Scenario['incidents'] = []) => {
    const incidents = [{ atUs: 0, kind: 'stranger' as const, node: 1 }, ...more];
    const scenario = calm();
    const nodes = scenario.nodes.map((node) => ({ ...node, stealth: false }));
    return new Run(machinesNow(), { ...scenario, nodes, incidents });
  };

  /** Each packet to the stranger goes so often; gives how many went. */
  const repeat = ({ network }: Run, times: number) => {
    const counts = { sent: 0 };
    const send = network.send.bind(network);
    network.send = (bytes, from, to) => {
      const isTo = nameOfAddress(to) === '10.0.0.100:1';
      if (isTo) counts.sent++;
      for (let i = 0; i < (isTo ? times : 1); i++) send(bytes, from, to);
    };
    return counts;
  };

  test('may get an answer many times when others repeat it', () => {
    const replays = Array.from({ length: 40 }, (_, i) => {
      return { atUs: 3000 + 10 * i, kind: 'replay' as const, node: 1 };
    });
    const run = calling(replays);
    const counts = repeat(run, 1);
    expect(run.run().failure).toBeUndefined();
    expect(counts.sent).toBeGreaterThan(5);
  });

  test('must not be answered twice for one packet', () => {
    const run = calling();
    repeat(run, 2);
    expect(run.run().failure).toMatch(/^a stranger is answered again and again/);
  });
});

describe('the first seed', () => {
  afterEach(() => void vi.unstubAllEnvs());
  const first = (long: string | undefined, named?: string) => {
    vi.stubEnv('ANDVARI_LONG', long);
    vi.stubEnv('ANDVARI_SEED', named);
    return firstSeed(12345678);
  };

  test('of npm test is always the same', () => {
    expect(first(undefined)).toBe(12345678);
  });

  test('of npm run test:long is new, and ANDVARI_SEED names it', () => {
    expect(first('1')).not.toBe(12345678);
    expect([first('1', '77'), first(undefined, '77')]).toEqual([77, 77]);
  });
});

describe('wake-ups', () => {
  test('may be late by a little and come to nothing now and then', () => {
    const watch = new WakeWatch();
    for (let i = 0; i < 1000; i++) {
      watch.woken();
      watch.look(i * 100, i * 100 + 50, i >> 4);
      watch.woken();
      watch.look(1e6 + i * 10000, 1e6 + i * 10000 + 1, i >> 4);
    }
  });

  test('must not be wanted in the past, nor one after the other for nothing', () => {
    const past = new WakeWatch();
    const often = new WakeWatch();
    expect(() => {
      for (let i = 0; i < 100; i++) past.look(1000 + i, 1000, 1);
    }).toThrow('a wake-up in the past');
    expect(() => {
      for (let i = 0; i < 100; i++) {
        often.woken();
        often.look(1000 * i, 1000 * i + 1000, 1);
      }
    }).toThrow('wake-ups for nothing');
  });
});

describe('the network', () => {
  const [here, there] = [simulatedAddress(0, 1), simulatedAddress(1, 1)];

  function networkWith(faults: Partial<typeof PERFECT>) {
    const clock = new VirtualClock(0);
    const network = new Network(clock, randomFrom(7));
    const arrived: Uint8Array[] = [];
    const passages: Passage[] = [];
    network.setLink(0, PERFECT);
    network.setLink(1, { ...PERFECT, ...faults });
    network.attach(here, 0, () => undefined);
    network.attach(there, 1, ({ bytes }) => arrived.push(bytes));
    network.watch = (passage) => passages.push(passage);
    const send = (bytes = 1000) => network.send(new Uint8Array(bytes).fill(7), here, there);
    const settle = () => {
      while (clock.step());
    };
    return { network, clock, arrived, passages, send, settle };
  }

  test('turns bits, cuts ends off and adds bytes to packets it corrupts', () => {
    const { arrived, passages, send, settle } = networkWith({ corrupt: 10000 });
    for (let i = 0; i < 200; i++) send();
    settle();
    expect(passages.every(({ damaged }) => damaged)).toBe(true);
    expect(arrived.some(({ length }) => length < 1000)).toBe(true);
    expect(arrived.some(({ length }) => length > 1000)).toBe(true);
    expect(arrived.some((bytes) => bytes.length === 1000 && bytes.some((b) => b !== 7))).toBe(true);
  });

  test('cuts one way between two hosts, all ways to one, and mends both', () => {
    const { network, passages, send } = networkWith({});
    network.cut(0, 1, true);
    send();
    network.cut(0, 1, false);
    network.cut(1, 0, true);
    send();
    network.cut('all', 1, true);
    send();
    network.heal();
    send();
    expect(passages.map(({ fate }) => fate)).toEqual(['cut', 'sent', 'cut', 'sent']);
  });

  test('swallows what is too large, and what goes to an address that was given up', () => {
    const { network, arrived, passages, send, settle } = networkWith({ mtu: 1252 });
    send(1253);
    send(1252);
    network.detach(there);
    send(1252);
    settle();
    expect(passages.map(({ fate }) => fate)).toEqual(['too large', 'sent', 'unreachable']);
    expect([arrived.length, network.counts.lost]).toEqual([1, 2]);
  });
});

describe('a trace', () => {
  test('tells every packet, what was in it and what became of it, and can be drawn', () => {
    const machines = machinesNow();
    const scenario = scenarioOf(13);
    const recorder = new Recorder(newEngine(module), machines.startUs);
    const outcome = new Run(machines, scenario, recorder).run();
    const [head, ...lines] = recorder
      .ndjson({ scenario, outcome })
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head).toMatchObject({ event: 'run', scenario: { seed: 13 }, outcome: { seed: 13 } });
    const packets = lines.filter(({ event }) => event === 'packet');
    expect(packets).toHaveLength(outcome.packets);
    const kinds = new Set(packets.map(({ kind }) => kind));
    expect(kinds).toEqual(expect.objectContaining(new Set(['MESSAGE_1', 'MESSAGE_2'])));
    for (const kind of ['MESSAGE_3', 'DATA', 'ACK', 'REKEY', 'STREAM_OPEN', 'CLOSE']) {
      expect(kinds).toContain(kind);
    }
    const lost = packets.filter(({ fate }) => fate !== 'sent' && fate !== 'straggling');
    expect(lost.every(({ arrivalsUs }) => arrivalsUs.length === 0)).toBe(true);
    const svg = timeline(recorder.lines, { title: 'a < b', nodes: 2 });
    expect(svg).toContain('a &#60; b');
    expect(svg.match(/<g /g)?.length).toBe(svg.match(/<\/g>/g)?.length);
    for (const label of ['node 0', 'node 1', 'epoch 1', '10.0.0.1:1', 'DATA', '×']) {
      expect(svg).toContain(label);
    }
  });
});

describe('the command', () => {
  const command = (...more: string[]) => {
    const main = join(import.meta.dirname, 'main.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...more]);
    return { status, output: `${stdout}${stderr}` };
  };

  test('runs a seed and writes it down', () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-simulation-'));
    try {
      const [trace, svg] = [join(folder, 'a.ndjson'), join(folder, 'a.svg')];
      const files = ['--trace', trace, '--svg', svg];
      const { status, output } = command('--seeds', '2', '--seed', '12', '--verbose', ...files);
      expect(output).toMatch(/^seed 12: ok, .*\nseed 13: ok, .*\n2 seeds from 12 on .* 0 failed/);
      expect(status).toBe(0);
      const [line = ''] = readFileSync(trace, 'utf8').split('\n');
      expect(JSON.parse(line)).toMatchObject({ event: 'run', scenario: { seed: 12 } });
      expect(readFileSync(svg, 'utf8')).toContain('seed 12: ok');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    [['--seeds', 'many'], "--seeds: wanted a whole number from 1 on, got 'many'"],
    [['--seeds='], "--seeds: wanted a whole number from 1 on, got ''"],
    [['--seeds', '0'], "--seeds: wanted a whole number from 1 on, got '0'"],
    [['--seconds', '1h'], "--seconds: wanted a whole number from 0 on, got '1h'"],
    [['--tight', '--reading'], '--reading, --tight: one kind of scenarios at a time'],
  ])('runs nothing that was not asked for: %j', (args, message) => {
    const { status, output } = command(...args);
    expect([status, output]).toEqual([2, `${message}\n`]);
  });
});
