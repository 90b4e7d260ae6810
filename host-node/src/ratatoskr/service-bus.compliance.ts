/** What every ServiceBus does, whatever carries its calls. */
import { describe, expect, it, vi } from 'vitest';
import {
  type Service,
  type ServiceBus,
  ServiceFailure,
  type ServiceRequest,
} from './service-bus.ts';

type Open = (services?: Record<string, Service>, fallback?: Service) => Promise<ServiceBus>;

export interface BusFactory {
  /** A bus with these services by request_type, and one for each `business_request`. */
  open(services: ReadonlyMap<string, Service>, fallback: Service): Promise<ServiceBus>;
  /** Its deadline, in milliseconds: short, for these tests. */
  deadlineMs: number;
}

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

/** Counts; answers with its name and the number of the execution. */
class Counting implements Service {
  readonly name: string;
  readonly seen: ServiceRequest[] = [];

  constructor(name: string) {
    this.name = name;
  }

  handle(request: ServiceRequest): Uint8Array {
    this.seen.push(request);
    return bytes([this.name, this.seen.length]);
  }
}

function service(name: string, handle: Service['handle']): Service {
  return { name, handle };
}

const call = (requestId: string, payload: Uint8Array, deviceId = 'd') => ({
  ...{ deviceId, userId: 'u', requestId, payload },
});

export function serviceBusCompliance(name: string, factory: BusFactory): void {
  const open: Open = (services = {}, fallback = new Counting('fallback')) =>
    factory.open(new Map(Object.entries(services)), fallback);

  describe(`ServiceBus: ${name}`, () => {
    refusing(open);
    choosing(open);
    once(open);
    failing(open);
    late(open);
    leaving(open);
  });
}

function refusing(open: Open): void {
  it('takes nothing for a call that is none, and does not throw', async () => {
    const fallback = new Counting('fallback');
    const bus = await open({}, fallback);
    const right = call('1', bytes({}));
    for (const wrong of [
      ...[undefined, null, 'call', {}, { ...right, payload: 'x' }, { ...right, payload: [1] }],
      ...[
        { ...right, payload: new ArrayBuffer(2) },
        { ...right, payload: new Uint16Array(2) },
      ],
      ...[
        { ...right, requestId: undefined },
        { ...right, deviceId: 5 },
        { ...right, userId: {} },
      ],
    ]) {
      const told = bus.deliver(wrong as ReturnType<typeof call>);
      expect(await told).toMatchObject({ ok: false, code: 'INVALID_REQUEST' });
    }
    expect([fallback.seen.length, bus.underWay]).toEqual([0, 0]);
    expect(await bus.deliver(right)).toMatchObject({ ok: true });
  });
}

function choosing(open: Open): void {
  it('takes a call to the service that its request_type names', async () => {
    const a = new Counting('a');
    const b = new Counting('b');
    const bus = await open({ A: a }, b);
    const payload = bytes({ request_type: 'A', more: 1 });
    const outcome = await bus.deliver(call('1', payload));
    expect(outcome).toMatchObject({ ok: true, payload: bytes(['a', 1]) });
    const [request] = a.seen;
    expect(request).toMatchObject({
      ...{ deviceId: 'd', userId: 'u', requestId: '1', requestType: 'A', payload },
      json: { request_type: 'A', more: 1 },
    });
  });

  it('takes a call that names none, or business_request, to the one for all others', async () => {
    const a = new Counting('a');
    const b = new Counting('b');
    const bus = await open({ A: a }, b);
    const payloads = [
      ...[{ no: 'type' }, null, 5, 'A', ['A'], { request_type: 'business_request' }].map(bytes),
      ...[5, null, true, ['A'], { A: 'A' }].map((request_type) => bytes({ request_type })),
      ...[Uint8Array.of(0xff), new Uint8Array()],
    ];
    for (const [index, payload] of payloads.entries()) {
      expect(await bus.deliver(call(`${index}`, payload))).toMatchObject({ ok: true });
    }
    expect(b.seen.map(({ requestType }) => requestType)).toEqual(
      payloads.map(() => 'business_request'),
    );
    expect(a.seen).toHaveLength(0);
  });

  it('takes business_request to the service that is named so', async () => {
    const named = new Counting('named');
    const bus = await open({ business_request: named });
    for (const [id, json] of Object.entries({ a: {}, b: { request_type: 'business_request' } })) {
      expect(await bus.deliver(call(id, bytes(json)))).toMatchObject({ ok: true });
    }
    expect(named.seen).toHaveLength(2);
  });

  it('looks into a payload of any size', async () => {
    const a = new Counting('a');
    const b = new Counting('b');
    const bus = await open({ A: a }, b);
    const sized = (type: string, length: number) => {
      const json = JSON.stringify({ request_type: type, pad: '' });
      return new TextEncoder().encode(json.replace('""', `"${'x'.repeat(length - json.length)}"`));
    };
    for (const length of [65_536, 65_537, 1_048_576]) {
      const known = await bus.deliver(call(`a${length}`, sized('A', length)));
      expect(known).toMatchObject({ ok: true, payload: bytes(['a', a.seen.length]) });
      expect(a.seen.at(-1)?.json).toMatchObject({ request_type: 'A' });
      const unknown = await bus.deliver(call(`x${length}`, sized('X', length)));
      expect(unknown).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    }
    const spaces = new Uint8Array(1_048_576).fill(0x20);
    spaces.set(bytes({ request_type: 'A' }), 1_000_000);
    const mark = Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes({ request_type: 'A' }));
    expect(await bus.deliver(call('spaces', spaces))).toMatchObject({ payload: bytes(['a', 4]) });
    expect(await bus.deliver(call('mark', mark))).toMatchObject({ payload: bytes(['a', 5]) });
    expect(b.seen).toHaveLength(0);
    const none = new Uint8Array(1_048_576).fill(0x2d);
    expect(await bus.deliver(call('none', none))).toMatchObject({ ok: true });
    expect(b.seen.map(({ json }) => json)).toEqual([undefined]);
  });

  it('refuses JSON that would hold everybody up, and executes nothing of it', async () => {
    const service = new Counting('a');
    const bus = await open({}, service);
    const nested = (depth: number) => bytes(JSON.parse('['.repeat(depth) + ']'.repeat(depth)));
    expect(await bus.deliver(call('deep', nested(64)))).toMatchObject({ ok: true });
    const refused = { ok: false, code: 'INVALID_REQUEST', message: expect.stringMatching('JSON') };
    expect(await bus.deliver(call('deeper', nested(65)))).toMatchObject(refused);
    expect(service.seen).toHaveLength(1);
    expect(await bus.deliver(call('deeper', nested(64)))).toMatchObject({ ok: true });
  });

  it('does not know a service: SERVICE_UNAVAILABLE, and it can be tried again', async () => {
    const bus = await open();
    for (const request_type of ['X', '__proto__', 'toString', '', 'Business_Request', '5']) {
      const outcome = await bus.deliver(call('1', bytes({ request_type })));
      expect(outcome).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    }
    expect(await bus.deliver(call('1', bytes({})))).toMatchObject({ ok: true });
  });
}

function once(open: Open): void {
  it('executes a call once, whoever repeats it, and never mixes devices', async () => {
    const counting = new Counting('c');
    const bus = await open({}, counting);
    const first = await bus.deliver(call('1', bytes({})));
    expect(await bus.deliver(call('1', bytes({})))).toEqual(first);
    expect(counting.seen).toHaveLength(1);
    const other = await bus.deliver(call('1', bytes({}), 'e'));
    expect(other).not.toEqual(first);
    expect(counting.seen).toHaveLength(2);
    const changed = await bus.deliver(call('1', bytes({ changed: true })));
    expect(changed).toMatchObject({ ok: false, code: 'INVALID_REQUEST' });
    const user = { ...call('1', bytes({})), userId: 'v' };
    expect(await bus.deliver(user)).toMatchObject({ ok: false, code: 'INVALID_REQUEST' });
  });

  it('lets repetitions wait for the first while it is under way', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    let executions = 0;
    const slow = service('slow', () => {
      executions++;
      return gate.promise;
    });
    const bus = await open({}, slow);
    const calls = [1, 2, 3].map(() => bus.deliver(call('1', bytes({}))));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(bus.underWay).toBe(1);
    gate.resolve(bytes('late'));
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toMatchObject({ ok: true, payload: bytes('late') });
    }
    expect(executions).toBe(1);
    expect(bus.underWay).toBe(0);
  });
}

function failing(open: Open): void {
  it('survives a service that fails, and tells nothing of the inside', async () => {
    const bus = await open({
      THROWS: service('throws', () => {
        throw new Error('swordfish');
      }),
      REJECTS: service('rejects', () => Promise.reject(new Error('swordfish'))),
      NOTHING: service('nothing', () => undefined as unknown as Uint8Array),
      HUGE: service('huge', () => new Uint8Array(1_048_577)),
      LARGEST: service('largest', () => new Uint8Array(1_048_576)),
    });
    for (const request_type of ['THROWS', 'REJECTS', 'NOTHING', 'HUGE']) {
      const outcome = await bus.deliver(call(request_type, bytes({ request_type })));
      expect(outcome).toMatchObject({ ok: false, code: 'SERVICE_ERROR' });
      expect(JSON.stringify(outcome)).not.toContain('swordfish');
      // The first answer holds: the service may have done something.
      const again = await bus.deliver(call(request_type, bytes({ request_type })));
      expect(again).toEqual(outcome);
    }
    const largest = bytes({ request_type: 'LARGEST' });
    expect(await bus.deliver(call('l', largest))).toMatchObject({ ok: true });
  });

  it('tells a refusal in its own words; one that did nothing can be repeated', async () => {
    let isOpen = false;
    const shop = service('shop', ({ json }) => {
      const { again } = json as { again: boolean };
      if (isOpen) return bytes('sold');
      throw new ServiceFailure('SERVICE_UNAVAILABLE', 'closed today', { again });
    });
    const bus = await open({}, shop);
    const expected = { ok: false, code: 'SERVICE_UNAVAILABLE', message: 'closed today' };
    for (const again of [true, false]) {
      isOpen = false;
      const payload = bytes({ again });
      expect(await bus.deliver(call(`${again}`, payload))).toEqual(expected);
      isOpen = true;
      const second = await bus.deliver(call(`${again}`, payload));
      if (again) expect(second).toMatchObject({ ok: true });
      else expect(second).toEqual(expected);
    }
  });
}

function late(open: Open): void {
  it('answers at the deadline, aborts the service, and knows later what it did', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    let reason: unknown;
    const stubborn = service('stubborn', ({ signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return gate.promise;
    });
    const obedient = service(
      'obedient',
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    const bus = await open({ OBEDIENT: obedient }, stubborn);
    const late = { ok: false, code: 'SERVICE_UNAVAILABLE' };
    expect(await bus.deliver(call('1', bytes({})))).toMatchObject(late);
    expect(reason).toBeInstanceOf(Error);
    expect(await bus.deliver(call('1', bytes({})))).toMatchObject(late);
    gate.resolve(bytes('after all'));
    // When that is written down.
    const known = async () =>
      expect(await bus.deliver(call('1', bytes({})))).toMatchObject({ ok: true });
    await vi.waitFor(known);
    const request = call('2', bytes({ request_type: 'OBEDIENT' }));
    expect(await bus.deliver(request)).toMatchObject(late);
    while (bus.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  });
}

function leaving(open: Open): void {
  it('ends the waiting of a caller who goes away, not the work', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    const bus = await open(
      {},
      service('slow', () => gate.promise),
    );
    const gone = new AbortController();
    const left = bus.deliver(call('1', bytes({})), gone.signal);
    gone.abort();
    expect(await left).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    const back = bus.deliver(call('1', bytes({})));
    gate.resolve(bytes('here'));
    const outcome = await back;
    expect(outcome.ok && text(outcome.payload)).toBe('"here"');
  });

  it('takes nothing more when it closes, and aborts what is under way', async () => {
    const obedient = service(
      'obedient',
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    );
    const bus = await open({}, obedient);
    const call1 = bus.deliver(call('1', bytes({})));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await bus.close();
    expect(await call1).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
    const after = await bus.deliver(call('2', bytes({})));
    expect(after).toMatchObject({ ok: false, code: 'SERVICE_UNAVAILABLE' });
  });
}
