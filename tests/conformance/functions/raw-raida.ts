/** RAIDA by the engine: a server with the base state, a client, a whole session. */
import type { raida } from '@andvari/host-common/component';
import type { EngineSizes } from '@andvari/host-common/engine/configuration';
import { Flag, Random, Region } from '@andvari/host-common/engine/generated/layout';
import {
  Status,
  type StatusNumber,
  statusName,
} from '@andvari/host-common/engine/generated/status';
import type { NativeCtr } from '@andvari/host-common/engine/native-ctr';
import { RawClient } from '../../component/raw-client.ts';
import { DerivedStore } from '../../engine/derived-store.ts';
import { Harness } from '../../engine/harness.ts';
import { type Patch, patched } from '../../engine/vector-cases.ts';
import { baseWorld, IDENTITY, PAGES } from '../../engine/vector-state.ts';
import { bytesOf, type Fields, hexOfNumber } from '../case.ts';
import { type Functions, output, verdict } from './functions.ts';
import { HASH_KEY, NOW_US, pageSource, RANDOM, SIZES } from './raida-state.ts';

type Sha256 = (bytes: Uint8Array) => Uint8Array;

export interface Build {
  module: WebAssembly.Module;
  shared: boolean;
  nativeCtr?: NativeCtr | undefined;
}

export const flagsOf = (datagram: boolean) => Flag.LOCAL | (datagram ? Flag.DATAGRAM : 0);

export function rawRaida(build: Build, sha256: Sha256): Functions {
  const pages = pageSource(sha256);
  const client = new RawClient(build.module, build.shared);
  const server = (f: Fields, tables: boolean) => serverOf(build, pages, f, tables);
  return {
    'raida-server.exchange': async (f) => exchange(await server(f, true), f),
    'raida-server.session': async (f) => session(await server(f, false), f, sha256),
    'raida.seal-request': (f) => answerOf(client.seal(requestOf(f))),
    'raida.open-reply': (f) => answerOf(client.open(requestOf(f), f.bytes('reply'))),
  };
}

const answerOf = (answer: Uint8Array | number) =>
  typeof answer === 'number' ? verdict(statusName(answer as StatusNumber)) : output(answer);

/** The fields of a client's request; signed numbers are those of a byte. */
export function requestOf(f: Fields): raida.Request {
  const signed = (name: string) => (f.number(name) << 24) >> 24;
  return {
    wire: f.isTrue('legacy') ? 'legacy' : 'spec',
    encryption: f.number('encryption'),
    raidaId: f.number('raida-id'),
    shard: f.number('shard'),
    group: f.number('group'),
    command: f.number('command'),
    coinId: f.number('coin-id'),
    denomination: signed('denomination'),
    secondDenomination: signed('second-denomination'),
    hasBody: f.isTrue('has-body'),
    serial: f.number('serial'),
    secondSerial: f.number('second-serial'),
    key: f.bytes('key'),
    nonce: f.bytes('nonce'),
    challenge: f.bytes('challenge'),
    payload: f.bytes('payload'),
  };
}

/** `tables`: with all that follows from the coins, as a store has it, and with files. */
async function serverOf(
  { module, shared, nativeCtr }: Build,
  pages: ReturnType<typeof pageSource>,
  f: Fields,
  tables: boolean,
): Promise<Harness> {
  const world = tables ? await baseWorld() : undefined;
  const coins = f.has('vouched') ? f.bytes('vouched') : undefined;
  if (world && coins) {
    const raidas = new Set(f.bytes('vouchers'));
    world.servers = (raidaId, ticket) =>
      raidas.has(raidaId) && ticket === 1000 + raidaId
        ? { status: Status.SUCCESS, coins }
        : undefined;
  }
  const wire = f.isTrue('legacy') ? 'legacy' : 'spec';
  const server = new Harness({
    module,
    shared,
    nativeCtr,
    sizes: SIZES satisfies EngineSizes,
    identity: { ...IDENTITY, wire, hashKey: HASH_KEY },
    pages,
    fillRandom: false,
    ...(world ? { world, store: new DerivedStore(pages, PAGES) } : {}),
  });
  server.nowUs = NOW_US;
  const { engine } = server;
  const pool = engine.region(Region.RANDOM);
  engine.u8.set(RANDOM, pool + Random.BYTES);
  if (f.has('nonce')) {
    // A request that waits for its pages draws anew each time it runs.
    const nonce = f.bytes('nonce');
    for (let draw = 0; draw < 8; draw++) {
      engine.u8.set(nonce, pool + Random.BYTES + draw * nonce.length);
    }
  }
  engine.u32[(pool + Random.FILLED) >>> 2] = RANDOM.length;
  return server;
}

/** Request, reply, place in the reply, length, place in the request: two bytes each. */
function patchesOf(f: Fields, request: number): Patch[] {
  return f.list('patches').flatMap((bytes) => {
    const view = new DataView(bytes.buffer);
    const [of, from, at, length, to] = [0, 2, 4, 6, 8].map((offset) => view.getUint16(offset));
    if (of !== request) return [];
    return [
      {
        from_setup: from ?? 0,
        response_offset: at ?? 0,
        length: length ?? 0,
        request_offset: to ?? 0,
      },
    ];
  });
}

/** The reply to the last of the requests. */
function exchange(server: Harness, f: Fields) {
  const datagrams = f.bytes('datagrams');
  const replies: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  for (const [index, request] of f.list('requests').entries()) {
    const bytes = patched(request, patchesOf(f, index), replies);
    last = server.ask(bytes, flagsOf(datagrams[index] !== 0));
    replies.push(last ?? new Uint8Array(0));
  }
  return last ? output(last) : verdict('silent');
}

/** SHA-256 of every reply, each behind its length, and of the journal. */
function session(server: Harness, f: Fields, sha256: Sha256) {
  const datagrams = f.bytes('datagrams');
  const parts: number[] = [];
  for (const [index, request] of f.list('requests').entries()) {
    const reply = server.ask(request, flagsOf(datagrams[index] !== 0)) ?? new Uint8Array(0);
    parts.push(...bytesOf(hexOfNumber(reply.length, 4)), ...reply);
  }
  const at = server.engine.region(Region.JOURNAL);
  const journal = server.engine.u8.slice(at, at + 48 * server.engine.journalHead());
  return output(
    Uint8Array.from([...digestOf(Uint8Array.from(parts), sha256), ...digestOf(journal, sha256)]),
  );
}

/** SHA-256 of SHA-256 of each 64 KiB: an engine's frames hold no more. */
export function digestOf(bytes: Uint8Array, sha256: Sha256): Uint8Array {
  const digests: number[] = [];
  for (let at = 0; at < bytes.length; at += 65536) {
    digests.push(...sha256(bytes.subarray(at, at + 65536)));
  }
  return sha256(Uint8Array.from(digests));
}
