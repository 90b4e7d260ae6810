/** The twin against every recorded case of groups 0-2, and against the spec-derived ones. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TwinServer, type TwinServerOptions } from './raida-twin.ts';
import { VECTOR_ADMIN_KEY, VECTOR_RAIDA_ID, vectorAn, vectorRecord } from './vector-state.ts';

interface Setup {
  transport: 'udp' | 'tcp';
  request_hex: string;
}
interface Patch {
  from_setup: number;
  response_offset: number;
  length: number;
  request_offset: number;
}
interface Vector extends Setup {
  name: string;
  direction?: string;
  response_hex: string | null;
  response_plain_body_hex?: string;
  volatile?: [number, number][];
  peer_bug?: boolean;
  ours_status?: number;
  request_patch?: Patch[];
  server_state: { base: string; setup?: Setup[]; setup_patch_from_second?: Patch[] };
}

const file = new URL('../vectors/raida.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  cases: Vector[];
  spec_derived: Vector[];
};

const COMMANDS = new Set(['0/0', '0/1', '0/2', '0/3', '1/10', '1/11', '1/20', '1/21']);
for (const command of ['40', '50', '60']) COMMANDS.add(`2/${command}`);

/** Header errors and the commands of groups 0-2; the others belong to later rooms. */
function ours({ name, request_hex, direction, server_state }: Vector): boolean {
  if (direction || server_state.base !== 'fresh') return false;
  // Their set-up runs commands of groups 9 and 10.
  if (name === 'join_then_detect' || name === 'shard_pickup_then_detect') return false;
  const bytes = Buffer.from(request_hex, 'hex');
  if (bytes.length < 6) return false;
  const broken = /^(bad_|empty_group|aes_unknown|body_len|enc_type_3|udp_|tcp_)/.test(name);
  return broken || COMMANDS.has(`${bytes[4]}/${bytes[5]}`);
}

function server(options: Partial<TwinServerOptions> = {}): TwinServer {
  return new TwinServer({
    raidaId: VECTOR_RAIDA_ID,
    wire: 'legacy',
    modern: true,
    adminKey: VECTOR_ADMIN_KEY,
    blank: (coin) => vectorRecord(VECTOR_RAIDA_ID, coin),
    ...options,
  });
}

function patch(request: Buffer, patches: Patch[] | undefined, replies: (Buffer | null)[]): Buffer {
  const patched = Buffer.from(request);
  for (const { from_setup, response_offset, length, request_offset } of patches ?? []) {
    const source = replies[from_setup] as Buffer;
    patched.set(source.subarray(response_offset, response_offset + length), request_offset);
  }
  return patched;
}

/** Runs the set-up and the case on a fresh server. */
function run(vector: Vector, twin: TwinServer): Buffer | null {
  const replies: (Buffer | null)[] = [];
  for (const [index, { transport, request_hex }] of (vector.server_state.setup ?? []).entries()) {
    const patches = index > 0 ? vector.server_state.setup_patch_from_second : undefined;
    const request = patch(Buffer.from(request_hex, 'hex'), patches, replies);
    replies.push(twin.answer(request, { transport }));
  }
  const request = patch(Buffer.from(vector.request_hex, 'hex'), vector.request_patch, replies);
  return twin.answer(request, { transport: vector.transport });
}

function mask(reply: Buffer, volatile: [number, number][] = []): string {
  const masked = Buffer.from(reply);
  for (const [first, last] of volatile) masked.fill(0, first, last + 1);
  return masked.toString('hex');
}

describe('recorded cases, legacy wire', () => {
  const cases = vectors.cases.filter(ours);

  test('there are as many as expected', () => expect(cases.length).toBe(55));

  test.each(cases.map((vector) => [vector.name, vector] as const))('%s', (name, vector) => {
    const reply = run(vector, server());
    if (vector.response_hex === null) {
      expect(reply).toBeNull();
      return;
    }
    const wanted = Buffer.from(vector.response_hex, 'hex');
    if (name === 'audit_udp') {
      // The peer writes past its buffer and cuts a byte: right are the first 72 bytes of 75.
      expect(reply?.length).toBe(wanted.length + 1);
      expect(reply?.subarray(32, 104).equals(wanted.subarray(32, 104))).toBe(true);
      expect(reply?.subarray(104).toString('hex')).toBe('0010003e3e');
      return;
    }
    expect(reply && mask(reply, vector.volatile)).toBe(mask(wanted, vector.volatile));
  });
});

describe('spec-derived cases', () => {
  test.each(vectors.spec_derived.map((v) => [v.name, v] as const))('%s', (_, vector) => {
    const nonce = Buffer.from('707172737475767778797a7b', 'hex');
    const twin = server({ wire: 'spec', random: (count) => nonce.subarray(0, count) });
    const reply = run(vector, twin);
    // With the example's nonce even the encrypted body is equal; only the time stays at zero.
    expect(reply?.toString('hex')).toBe(
      mask(Buffer.from(vector.response_hex ?? '', 'hex'), [[12, 15]]),
    );
  });
});

test('the examples of the meta block', () => {
  const an = vectorAn(14, { denomination: -1, serialNumber: 5 });
  expect(an.toString('hex')).toBe('93087d352a637866ba0b201c46802b48');
});
