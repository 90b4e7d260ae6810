import { describe, expect, it } from 'vitest';
import { emitServiceRequest, readOffers, readService } from './service-words.ts';

const answer = (value: unknown) => readService(emitServiceRequest(value as object));
const offer = { offer_id: 'offer-1', title: 'tea', price: '1.5', provider: 'ann', taken: false };

describe('an answer of a service', () => {
  it('says yes or no, and why', () => {
    expect(answer({ ok: true, n: 1 })).toMatchObject({ ok: true, message: '', fields: { n: 1 } });
    const no = { ok: false, error: 'OFFER_TAKEN', message: 'somebody has taken it' };
    expect(answer(no)).toMatchObject({ ok: false, message: 'somebody has taken it' });
    expect(answer({ ok: false, error: 'X' }).message).toBe('X');
    expect(answer({ ok: false }).message).toBe('The service says no.');
  });

  it.each([[], null, 1, 'ok', {}, { ok: 1 }])('is not %j', (value) => {
    expect(() => answer(value)).toThrow('something else');
    expect(() => readService(Uint8Array.of(0xff, 0x7b))).toThrow('something else');
  });

  it('lists offers, whose words cannot turn the page around', () => {
    const odd = { ...offer, offer_id: 'offer-2', title: '\u202eaet\n', price: 7, taken: 'yes' };
    expect(readOffers(answer({ ok: true, offers: [offer, odd] }))).toEqual([
      { id: 'offer-1', title: 'tea', price: '1.5', provider: 'ann', taken: false },
      { id: 'offer-2', title: '\ufffdaet\ufffd', price: '', provider: 'ann', taken: false },
    ]);
    const long = readOffers(answer({ ok: true, offers: [{ ...offer, title: 'x'.repeat(999) }] }));
    expect(long[0]?.title).toHaveLength(300);
  });

  it.each([undefined, {}, [1], [null], [{ ...offer, offer_id: '' }]])(
    'has no offers in %j',
    (offers) => {
      expect(() => readOffers(answer({ ok: true, offers }))).toThrow('something else');
    },
  );
});
