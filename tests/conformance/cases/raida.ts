/** Cases of RAIDA: recorded exchanges with one server, a client's requests, a whole session. */
import { randomBytes, randomRequest } from '../../component/raw-client.ts';
import {
  casesHere,
  DEPARTURES,
  expectedReply,
  fixCases,
  type Patch,
  specCases,
  type VectorCase,
} from '../../engine/vector-cases.ts';
import { randomFrom } from '../../seeded-random.ts';
import { bytesOf, type Case, hexOf, hexOfNumber, type Outcome } from '../case.ts';
import { RECORDED_RUNS } from './pinned-runs.ts';
import { numbered } from './primitives.ts';

/** First byte of the list of coins in a request of type 0, and bytes of what follows it in fix. */
const LIST_AT = 48;
const FIX_BYTES = 16 + 25 * 4 + 2;
const LEGACY = { legacy: '01' };

export function raidaCases(): Case[] {
  return [
    ...casesHere().map((item) => exchangeCase(item)),
    ...fixCases().map(fixCase),
    ...specCases().map((item): Case => {
      const name = 'raida-server.exchange';
      const { request_hex: request, response_nonce_hex_in_example: nonce } = item;
      return {
        id: `${name}/${item.name}`,
        section: 'RAIDA, wire spec',
        function: name,
        input: { legacy: '00', requests: [request], datagrams: '00', nonce },
        expected: { output: item.response_hex },
        open: [[12, 16]],
      };
    }),
    ...clientCases(),
    ...sessionCases(),
  ];
}

/** Five numbers of two bytes: request, reply, place there, length, place in the request. */
function patchesOf(item: VectorCase, setups: number): string[] {
  const { setup_patch_from_second: between = [] } = item.server_state;
  const own = item.request_patch ?? [];
  const emit = (of: number, patch: Patch) =>
    [of, patch.from_setup, patch.response_offset, patch.length, patch.request_offset]
      .map((number) => hexOfNumber(number, 2))
      .join('');
  const before = Array.from({ length: Math.max(0, setups - 1) }, (_, i) => i + 1);
  return [
    ...before.flatMap((of) => between.map((patch) => emit(of, patch))),
    ...own.map((patch) => emit(setups, patch)),
  ];
}

function exchangeCase(item: VectorCase): Case {
  const setup = item.server_state.setup ?? [];
  const all = [...setup, item];
  const due = expectedReply(item);
  const expected: Outcome = due ? { output: hexOf(due) } : { verdict: 'silent' };
  const volatile = [...(item.volatile ?? []), ...(DEPARTURES[item.name]?.volatile ?? [])];
  const open = volatile.map(([first = 0, last = 0]) => [first, last + 1] as const);
  const group = Number.parseInt(item.request_hex.slice(8, 10), 16);
  const name = 'raida-server.exchange';
  const patches = patchesOf(item, setup.length);
  return {
    id: `${name}/${item.name}`,
    section: `RAIDA, group ${group}`,
    function: name,
    input: {
      ...LEGACY,
      requests: all.map(({ request_hex: hex }) => hex),
      datagrams: all.map(({ transport }) => (transport === 'udp' ? '01' : '00')).join(''),
      ...(patches.length ? { patches } : {}),
    },
    expected,
    ...(open.length ? { open } : {}),
  };
}

/** Every server for which the case has a ticket request vouches for the coins it asks for. */
function fixCase(item: VectorCase): Case {
  const request = bytesOf(item.request_hex);
  const asked = Object.keys(item.server_state.ticket_requests ?? {}).map(Number);
  const tickets = new DataView(request.buffer, request.length - FIX_BYTES + 16, 25 * 4);
  for (const raidaId of asked) tickets.setUint32(4 * raidaId, 1000 + raidaId);
  const base = exchangeCase({ ...item, request_hex: hexOf(request) });
  const vouched = hexOf(request.slice(LIST_AT, request.length - FIX_BYTES));
  const vouchers = asked.map((raidaId) => hexOfNumber(raidaId, 1)).join('');
  return { ...base, input: { ...base.input, vouched, vouchers } };
}

/** Requests of any kind, also impossible ones, and replies that are none. */
function clientCases(): Case[] {
  const random = randomFrom(1);
  const inputs = Array.from({ length: 60 }, () => {
    const request = randomRequest(random);
    return {
      legacy: request.wire === 'legacy' ? '01' : '00',
      encryption: hexOfNumber(request.encryption, 1),
      'raida-id': hexOfNumber(request.raidaId, 1),
      shard: hexOfNumber(request.shard, 1),
      group: hexOfNumber(request.group, 1),
      command: hexOfNumber(request.command, 1),
      'coin-id': hexOfNumber(request.coinId, 2),
      denomination: hexOfNumber(request.denomination & 0xff, 1),
      'second-denomination': hexOfNumber(request.secondDenomination & 0xff, 1),
      'has-body': request.hasBody ? '01' : '00',
      serial: hexOfNumber(request.serial, 4),
      'second-serial': hexOfNumber(request.secondSerial, 4),
      key: hexOf(request.key),
      nonce: hexOf(request.nonce),
      challenge: hexOf(request.challenge),
      payload: hexOf(request.payload),
    };
  });
  const sealed = inputs.map((input) => ({ input }));
  const opened = inputs.map((input) => {
    const reply = hexOf(randomBytes(random, random(120)));
    return { input: { ...input, reply } };
  });
  return [
    ...numbered('RAIDA, client', 'raida.seal-request', sealed),
    ...numbered('RAIDA, client', 'raida.open-reply', opened),
  ];
}

/** The first recorded messages, one behind the other, to one server without tables. */
function sessionCases(): Case[] {
  const all = casesHere().flatMap((item) => [...(item.server_state.setup ?? []), item]);
  const messages = all.slice(0, 150);
  return ['00', '01'].map((legacy): Case => {
    const name = 'raida-server.session';
    return {
      id: `${name}/${legacy === '01' ? 'legacy' : 'spec'}`,
      section: RECORDED_RUNS,
      function: name,
      input: {
        legacy,
        requests: messages.map(({ request_hex: hex }) => hex),
        datagrams: messages.map(({ transport }) => (transport === 'udp' ? '01' : '00')).join(''),
      },
    };
  });
}
