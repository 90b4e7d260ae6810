// What a service says of a failure comes from code that nobody here has checked, and may repeat
// what a device has sent. Whatever it is, the request is answered and the server goes on.
import { describe, expect, it } from 'vitest';
import { MemoryAnswerStore } from './answers/answer-store.ts';
import { type ServiceCode, ServiceFailure } from './service-bus.ts';
import { placesForTests } from './testing/places.ts';

const start = placesForTests();

/** What a device is told when a service fails so, and what the server has counted. */
async function fail(code: string, message: string) {
  const handle = () => {
    throw new ServiceFailure(code as ServiceCode, message, { again: false });
  };
  const place = await start({ bus: { fallback: { name: 'failing', handle } } });
  const peer = await place.connected();
  const { errorCode, errorMessage } = await peer.ask(peer.request());
  return { told: [errorCode, errorMessage], counted: [...place.server.counts.keys()] };
}
const told = async (code: string, message: string) => (await fail(code, message)).told;

describe('a failure of a service', () => {
  it('is told in its own words', async () => {
    expect(await told('INVALID_REQUEST', 'no parcel \u{1f600}')).toEqual([
      'INVALID_REQUEST',
      'no parcel \u{1f600}',
    ]);
  });

  it('may have half of a surrogate pair in its text', async () => {
    const [, text] = await told('INVALID_REQUEST', 'no parcel \ud83d');
    expect(text).toBe('no parcel \ufffd');
  });

  it.each([
    ['one byte a character, and one more', 'x'.repeat(1025), 'x'.repeat(1024)],
    ['all that it may have', 'x'.repeat(1024), 'x'.repeat(1024)],
    ['three bytes a character', '\u20ac'.repeat(400), '\u20ac'.repeat(341)],
    ['a pair at the border', `${'x'.repeat(1021)}\u{1f600}`, 'x'.repeat(1021)],
    ['a pair at the border of old', `${'x'.repeat(339)}\u{1f600}`, `${'x'.repeat(339)}\u{1f600}`],
  ])('may be long: %s', async (_, text, wanted) => {
    expect(await told('SERVICE_ERROR', text)).toEqual(['SERVICE_ERROR', wanted]);
  });

  it.each(['NO_SUCH_CODE', 'toString', 'UNAUTHENTICATED'])(
    'may have a code that is none of a service: %s',
    async (code) => {
      const { told, counted } = await fail(code, 'why');
      expect(told).toEqual(['SERVICE_ERROR', 'why']);
      expect(counted).not.toContain(code);
    },
  );
});

describe('a bus that breaks its word', () => {
  it('answers SERVICE_ERROR, is told of, and the connection goes on', async () => {
    const defects: unknown[] = [];
    const answers = new MemoryAnswerStore();
    const [broken, finish] = [new Error('broken'), answers.finish.bind(answers)];
    let breaks = true;
    answers.finish = (...of) => (breaks ? Promise.reject(broken) : finish(...of));
    const place = await start({
      bus: { answers },
      failed: (error) => defects.push(error),
    });
    const peer = await place.connected();
    expect(await peer.ask(peer.request())).toMatchObject({ errorCode: 'SERVICE_ERROR' });
    expect(defects).toEqual([broken]);
    breaks = false;
    expect(await peer.ask(peer.request())).toMatchObject({ success: true });
  });
});
