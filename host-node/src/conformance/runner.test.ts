/** The suite against servers that are broken on purpose, and against nobody. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Subject } from './conversation.ts';
import { differences } from './finding.ts';
import { runCases } from './runner.ts';
import { type NumberedCase, suite } from './suite.ts';
import type { TransportName } from './target.ts';
import { type Damage, DamagingProxy } from './testing/damaging-proxy.ts';
import { type PreparedServer, PreparedServers } from './testing/prepared-server.ts';
import { type CaseResult, UnreachableError } from './verdict.ts';

const never = new AbortController().signal;
const patience = { replyMs: 20_000, silenceMs: 150 };

let servers: PreparedServers;
beforeAll(async () => {
  servers = await PreparedServers.make();
});
afterAll(() => servers.remove());

/** What is no pass, in words. */
function odd(results: readonly CaseResult[]): string[] {
  return results
    .filter(({ verdict }) => verdict !== 'pass')
    .map((result) => `${result.verdict} ${result.case.id}: ${result.problem}`);
}

const byId = (...ids: string[]): NumberedCase[] =>
  ids.map((id) => {
    const found = suite.find((one) => one.case.id === id);
    if (!found) throw new Error(`no case ${id}`);
    return found;
  });

const flip =
  (at: number): Damage =>
  (reply) => {
    const bytes = Buffer.from(reply);
    if (at < bytes.length) bytes[at]! ^= 1;
    return bytes;
  };

describe('a server that is broken on purpose', () => {
  const kind = { wire: 'legacy', modern: true } as const;
  let server: PreparedServer;
  let proxy: DamagingProxy;
  beforeAll(async () => {
    server = await servers.start(kind);
    proxy = await DamagingProxy.open(server.port);
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  async function through(
    cases: readonly NumberedCase[],
    damage: Damage,
    rewrite: (request: Buffer) => Buffer = (request) => request,
  ): Promise<CaseResult[]> {
    proxy.damage = damage;
    proxy.rewrite = rewrite;
    const subject = server.subject('tcp', proxy.port);
    return await runCases(cases, {
      subject,
      patience: { ...patience, replyMs: 2000 },
      signal: never,
    });
  }

  it('passes every case while it is whole', async () => {
    const results = await through(suite, (reply) => reply);
    expect(odd(results).filter((text) => !text.startsWith('skip'))).toEqual([]);
  });

  it.each([
    ['status', flip(2)],
    ['server number', flip(0)],
    ['a byte that is zero', flip(1)],
    ['size', flip(11)],
    ['one byte more', (reply: Buffer) => Buffer.concat([reply, Buffer.alloc(1)])],
    ['one byte less', (reply: Buffer) => reply.subarray(0, -1)],
    ['one byte', (reply: Buffer) => reply.subarray(0, 1)],
    ['half a header', (reply: Buffer) => reply.subarray(0, 14)],
  ])('passes no case: %s', { timeout: 120_000 }, async (_, damage) => {
    const results = await through(suite, damage);
    expect(results.filter(({ verdict }) => verdict === 'pass').map((one) => one.case.id)).toEqual(
      [],
    );
    expect(results.length).toBeGreaterThan(500);
    for (const { case: one, verdict } of results) {
      if (verdict !== 'skip') expect(verdict).toBe(one.level === 'MUST' ? 'fail' : 'warn');
    }
  });

  it('is told the bytes that differ, and no others', async () => {
    const [mixed] = byId('raida/1/10/mixed');
    for (const at of [0, 2, 3, 7, 11, 16, 31, 32, 34]) {
      const [result] = await through([mixed!], flip(at));
      expect(result?.verdict).toBe('fail');
      const { expected, received } = result!.evidence!;
      // A status of another kind comes without a body that could be compared.
      if (at === 2) expect(result?.problem).toBe('step 1: status 242, wanted 243');
      expect(differences(expected!, received)).toEqual([[at, at + 1]]);
    }
  });

  it('is told the byte under encryption as well', async () => {
    const [sealed] = byId('raida/encryption/type-1-detect');
    const [result] = await through([sealed!], flip(32));
    const { expected, received, clear } = result!.evidence!;
    expect(differences(expected!, received)).toEqual([[32, 33]]);
    expect(clear?.toString('hex')).toBe('04');
  });

  const PAYLOAD = 48;
  /** Changes what a request in clear asks for; what it answers stays right in form. */
  const rewritten =
    (group: number, command: number, change: (payload: Buffer) => void) => (request: Buffer) => {
      if (request[4] !== group || request[5] !== command || request[16] !== 0) return request;
      const bytes = Buffer.from(request);
      change(bytes.subarray(PAYLOAD, -2));
      return bytes;
    };

  it.each([
    ['a pown that changes nothing', ['1/20/pass'], rewritten(1, 20, (p) => p.copy(p, 21, 5, 21))],
    [
      'a pown sum that changes nothing',
      ['1/21/pass'],
      rewritten(1, 21, (p) => p.fill(0, p.length - 16)),
    ],
    [
      'tickets that can be claimed twice',
      ['2/50/replayed-claim', '2/50/each-server'],
      ((next: number) => rewritten(2, 50, (p) => p.writeUInt8(next++ % 25)))(0),
    ],
    [
      'a locker under another key',
      ['8/82/put-and-remove'],
      rewritten(8, 82, (p) => p.fill(1, 10, 11)),
    ],
    ['find without the PAN', ['2/60/pan'], rewritten(2, 60, (p) => p.copy(p, 21, 5, 21))],
    ['key files under one name', ['4/41/clear'], rewritten(4, 41, (p) => p.fill(7, 0, 1))],
  ])('does not get away with %s', async (_, ids, rewrite) => {
    const cases = byId(...ids.map((id) => `raida/${id}`));
    const results = await through(cases, (reply) => reply, rewrite);
    expect(results.map(({ verdict }) => verdict)).toEqual(ids.map(() => 'fail'));
    // The case itself is sound: without the change it passes, and on what it left.
    expect(odd(await through(cases, (reply) => reply))).toEqual([]);
  });

  it('does not get away with replies in clear', async () => {
    const cases = byId('raida/encryption/type-1-no-body');
    // A reply to type 0 has the same shape: version in clear.
    const clear = (request: Buffer) => {
      const bytes = Buffer.from(request);
      if (bytes[5] === 1) bytes[16] = 0;
      return bytes;
    };
    expect((await through(cases, (reply) => reply, clear))[0]?.verdict).toBe('fail');
  });

  it('is given up when it no longer answers, with what was found until then', async () => {
    let answers = 10;
    const results: CaseResult[] = [];
    proxy.rewrite = (request) => request;
    proxy.damage = (reply) => (answers-- > 0 ? reply : undefined);
    const running = runCases(suite, {
      subject: server.subject('udp', proxy.port),
      patience: { replyMs: 100, silenceMs: 50 },
      signal: never,
      onResult: (result) => results.push(result),
    });
    await expect(running).rejects.toThrow(/no longer answers since raida\/header\//);
    expect(results.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThan(0);
  });

  it('is not given up for being silent in some cases', async () => {
    proxy.rewrite = (request) => request;
    proxy.damage = (reply, request) => (request[4] === 1 ? undefined : reply);
    const cases = byId(
      'raida/1/10/pass',
      'raida/1/10/fail',
      'raida/1/11/pass',
      'raida/0/1/any-body',
    );
    const remarks: string[] = [];
    const results = await runCases(cases, {
      subject: server.subject('udp', proxy.port),
      patience: { replyMs: 100, silenceMs: 50 },
      signal: never,
      onRemark: (remark) => remarks.push(remark),
    });
    expect(results.map(({ verdict }) => verdict)).toEqual(['fail', 'fail', 'fail', 'pass']);
    expect(results[0]?.problem).toBe('step 1: no reply');
    expect(remarks).toEqual([expect.stringContaining("does not have the suite's state")]);
  });

  it('ends when the user wants it', async () => {
    const stop = new AbortController();
    const options = { subject: server.subject('tcp'), patience, signal: stop.signal };
    const onResult = () => stop.abort();
    await expect(runCases(suite, { ...options, onResult })).rejects.toThrow(/abort/i);
  });
});

describe('a server that says too much, or never ends', () => {
  async function results(serve: (socket: Socket) => void, replyMs: number) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const found: CaseResult[] = [];
    const target = { transport: 'tcp', host: '127.0.0.1', port } as const;
    const running = runCases(suite, {
      subject: { target, wire: 'spec', modern: false, raidaId: 14, coinId: 6 },
      patience: { replyMs, silenceMs: 50 },
      signal: never,
      onResult: (result) => found.push(result),
    });
    await expect(running).rejects.toThrow(/gives no usable reply any more: 12 in a row/);
    server.close();
    return found;
  }

  it('is given up: megabytes for everything', async () => {
    const found = await results((socket) => socket.end(Buffer.alloc(5_000_000)), 20_000);
    expect(found.length).toBeLessThanOrEqual(12);
    for (const { problem, evidence } of found) {
      expect(problem).toMatch(/the reply is longer than expected/);
      expect(evidence?.received.length).toBeLessThan(70_000);
    }
  });

  it('is given up: a byte now and then', async () => {
    const found = await results((socket) => {
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    }, 200);
    expect(found.length).toBeLessThanOrEqual(12);
    expect(found[0]?.problem).toMatch(/the reply does not end in time/);
  });
});

describe('nobody', () => {
  const subject = (transport: TransportName, port: number): Subject => {
    const target = { transport, host: '127.0.0.1', port };
    return { target, wire: 'spec', modern: false, raidaId: 14, coinId: 6 };
  };
  const short = { patience: { replyMs: 50, silenceMs: 50 }, signal: never };

  it('answers: a UDP port that is silent', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const options = { ...short, subject: subject('udp', socket.address().port) };
    await expect(runCases(suite, options)).rejects.toThrow(UnreachableError);
    socket.close();
  });

  it('answers: a TCP port that takes everything and says nothing', async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { ...short, subject: subject('tcp', port) };
    await expect(runCases(suite, options)).rejects.toThrow(/does not answer/);
    server.close();
    await once(server, 'close');
    await expect(runCases(suite, options)).rejects.toThrow(/ECONNREFUSED/);
  });
});
