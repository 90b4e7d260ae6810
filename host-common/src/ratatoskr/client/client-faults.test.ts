/**
 * Random cuts, delays, refusals and impatient users: whatever happens, every call ends, nothing is
 * executed under a second request_id, and "not executed" is true.
 */
import { beforeAll, expect, it } from 'vitest';
import {
  type Arrived,
  bytes,
  idOf,
  ScriptedPlace,
  text,
} from '../../../../tests/ratatoskr/scripted-server.ts';
import type { VirtualClock } from '../../../../tests/ratatoskr/virtual-clock.ts';
import { randomFrom, seedOfRun } from '../../../../tests/seeded-random.ts';
import { plainEngine } from '../../engine/module.ts';
import type { ClientTransport } from './client-channel.ts';
import { RatatoskrError } from './client-error.ts';

type Random = (below: number) => number;

const long = process.env['ANDVARI_LONG'] === '1';
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await plainEngine();
});

/** Messages take their time, and those on the way are lost with the connection. */
function slow(transport: ClientTransport, clock: VirtualClock, random: Random): ClientTransport {
  const lane = () => {
    let lastMs = 0;
    return (run: () => void): void => {
      lastMs = Math.max(lastMs, clock.monotonicMs() + random(400));
      clock.after(lastMs - clock.monotonicMs(), run);
    };
  };
  return {
    name: transport.name,
    async connect(events, signal) {
      if (random(5) === 0) throw new Error('bad luck');
      let isOver = false;
      const there = lane();
      const back = lane();
      const channel = await transport.connect(
        {
          message: (message) => back(() => isOver || events.message(message)),
          closed: (code, reason) => {
            isOver = true;
            events.closed(code, reason);
          },
        },
        signal,
      );
      return {
        send: (message) => there(() => isOver || channel.send(message)),
        close: (code, reason) => {
          isOver = true;
          channel.close(code, reason);
        },
      };
    },
  };
}

/** Executes a request_id once, and answers repetitions from memory; says no now and then. */
class OnceServer {
  readonly executions = new Map<string, number>();
  readonly #answers = new Map<string, Promise<string>>();
  readonly #clock: VirtualClock;
  readonly #random: Random;

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  async serve(arrived: Arrived): Promise<void> {
    const { request, peer } = arrived;
    const refusal = ['RATE_LIMITED', 'SESSION_EXPIRED', 'TIMESTAMP_INVALID'][this.#random(40)];
    if (refusal !== undefined) {
      await peer.refuse(arrived, refusal);
      return;
    }
    const { requestId, payload } = request;
    const known = this.#answers.get(requestId);
    const answer = known ?? this.#execute(requestId, text(payload));
    this.#answers.set(requestId, answer);
    await peer.answer(arrived, { payload: bytes(await answer) });
  }

  async #execute(requestId: string, word: string): Promise<string> {
    this.executions.set(requestId, (this.executions.get(requestId) ?? 0) + 1);
    await new Promise<void>((resolve) => this.#clock.after(this.#random(2000), resolve));
    return `done ${word}`;
  }
}

interface Made {
  requestId: string;
  word: string;
  stop: AbortController;
  end?: { answer: string } | { error: unknown };
}

/** What happened in all histories: a run in which nothing went wrong would show nothing. */
const seen = { answered: 0, sentAgain: 0, unknown: 0, notExecuted: 0, stopped: 0 };

async function history(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const placed = new ScriptedPlace(module, {}, seed);
  const { clock, server } = placed;
  const once = new OnceServer(clock, random);
  server.onBusiness = (arrived) => once.serve(arrived);
  const transports = (['webtransport', 'websocket'] as const).map((name) =>
    slow(server.transport(name), clock, random),
  );
  const client = placed.anotherClient({ transports, limits: { callsMax: 20 } }, seed);
  client.connect().catch(() => undefined);
  const calls: Made[] = [];
  for (let step = 0; step < 60; step++) {
    const dice = random(10);
    if (dice < 6) {
      const call: Made = {
        requestId: idOf(calls.length),
        word: `word ${calls.length}`,
        stop: new AbortController(),
      };
      calls.push(call);
      const { requestId, stop } = call;
      const timeoutMs = 100 + random(30_000);
      client.call(bytes(call.word), { requestId, timeoutMs, signal: stop.signal }).then(
        ({ payload }) => {
          call.end = { answer: text(payload) };
        },
        (error) => {
          call.end = { error };
        },
      );
    } else if (dice < 7) calls[random(calls.length)]?.stop.abort(new Error('stopped'));
    else if (dice < 9) server.peers.at(-1)?.cut();
    else server.dead = random(3) === 0;
    await clock.pass(random(1500));
  }
  await clock.pass(31_000);
  check(calls, once, seed);
  const sent = server.business.map(({ request }) => request.requestId);
  seen.sentAgain += sent.length - new Set(sent).size;
  const nonces = server.arrived.map(({ request }) => request.nonce.join());
  expect(new Set(nonces).size, `seed ${seed}`).toBe(nonces.length);
  expect(client.status().queue, `seed ${seed}`).toMatchObject({
    waiting: 0,
    underWay: 0,
    bytes: 0,
  });
  await client.close();
}

function check(calls: readonly Made[], { executions }: OnceServer, seed: number): void {
  for (const { requestId, word, end } of calls) {
    const count = executions.get(requestId) ?? 0;
    const where = `seed ${seed}, ${requestId}`;
    expect(end, where).toBeDefined();
    expect(count, where).toBeLessThanOrEqual(1);
    if (end && 'answer' in end) {
      expect([end.answer, count], where).toEqual([`done ${word}`, 1]);
      seen.answered++;
    } else if (!(end?.error instanceof RatatoskrError)) seen.stopped++;
    else if (end.error.outcome === 'unknown') seen.unknown++;
    else {
      expect(count, where).toBe(0);
      seen.notExecuted++;
    }
  }
  const known = new Set(calls.map(({ requestId }) => requestId));
  expect([...executions.keys()].filter((requestId) => !known.has(requestId))).toEqual([]);
}

it('every call ends once, and runs at most once', async () => {
  const seed = seedOfRun();
  console.log(`client-faults: ANDVARI_SEED=${seed}`);
  const histories = long ? 1000 : 25;
  for (let i = 0; i < histories; i++) await history(seed + i);
  expect(Object.entries(seen).filter(([, count]) => count < 10)).toEqual([]);
  console.log(`client-faults: ${JSON.stringify(seen)}`);
}, 300_000);
