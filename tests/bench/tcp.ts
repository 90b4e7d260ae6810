/**
 * Requests that no datagram holds, over TCP on loopback, a connection each as the protocol wants
 * it: detect of 400 coins beside one of a single coin on the same server.
 */
import { Status } from '@andvari/host-common/engine/generated/status';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec, type RaidaRequest } from '@andvari/host-common/raida/codec';
import { exchangeOverTcp } from '@andvari/host-node/raida/tcp-exchange';
import { BenchServer } from './bench-server.ts';
import { aes, anOf, auth, coin, MANY, many } from './requests.ts';
import { makeStore } from './seeded-store.ts';
import { percentiles } from './timing.ts';

export interface TcpRow {
  name: string;
  perSecond: number;
  p50Us: number;
  p99Us: number;
}

const AT_ONCE = [1, 8];
const TURNS = 3;
const RUN_MS = 700;

async function run(port: number, message: Uint8Array, lanes: number) {
  const times: number[] = [];
  const start = performance.now();
  const until = start + RUN_MS;
  const { signal } = new AbortController();
  const lane = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      const options = { host: '127.0.0.1', port, replyBytesMax: 4096, signal };
      const reply = await exchangeOverTcp(message, options);
      times.push(performance.now() - sent);
      if (reply[2] !== Status.ALL_PASS) throw new Error(`detect over TCP: ${reply[2]}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const perSecond = (times.length / (performance.now() - start)) * 1000;
  return { perSecond, ...percentiles(times) };
}

export async function benchTcp(): Promise<TcpRow[]> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const store = makeStore(MANY);
  const server = await BenchServer.start(['andvari', store.url]);
  const requests: [string, RaidaRequest][] = [
    ['detect 1 coin, AES', auth(10, coin(0, 0, anOf(0, 0)), aes(0))],
    [`detect ${MANY} coins, AES`, auth(10, many(), aes(0))],
  ];
  const rows: TcpRow[] = [];
  for (const lanes of AT_ONCE) {
    const best = new Map<string, TcpRow>();
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [what, request] of requests) {
        const measured = await run(server.port, codec.seal(request).bytes, lanes);
        const name = `${what}, ${lanes} at once`;
        const before = best.get(name);
        if (!before || measured.perSecond > before.perSecond) best.set(name, { name, ...measured });
      }
    }
    rows.push(...best.values());
  }
  server.close();
  store.remove();
  return rows;
}
