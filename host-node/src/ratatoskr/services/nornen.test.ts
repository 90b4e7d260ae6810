import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { parsePayload } from '../payload-json.ts';
import type { ServiceRequest } from '../service-bus.ts';
import { MarketFileError, Nornen } from './nornen.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function ask(nornen: Nornen, json: unknown, requestType = 'MARKETPLACE_REQUEST') {
  const request: ServiceRequest = {
    ...{ deviceId: 'd', userId: 'u', requestId: randomUUID(), payload: new Uint8Array() },
    ...{ json, requestType, signal: new AbortController().signal },
  };
  return JSON.parse(new TextDecoder().decode(nornen.handle(request)));
}

/** A market with one provider, who is everybody here. */
function market(): Nornen {
  const nornen = new Nornen();
  const registered = ask(nornen, { name: 'Urd' }, 'PROVIDER_REGISTRATION');
  expect(registered).toEqual({ ok: true, provider_id: 'provider-1', name: 'Urd' });
  return nornen;
}

describe('Nornen', () => {
  it('lists, offers and lets take', () => {
    const nornen = market();
    expect(ask(nornen, {})).toEqual({ ok: true, offers: [] });
    expect(ask(nornen, {}, 'business_request')).toEqual({ ok: true, offers: [] });
    const made = ask(nornen, { action: 'offer', title: 'Thread', price: '1.5', more: 1 });
    const offer = { offer_id: 'offer-1', title: 'Thread', price: '1.5', provider: 'Urd' };
    expect(made).toEqual({ ok: true, offer: { ...offer, taken: false } });
    const taken = { ok: true, offer: { ...offer, taken: true } };
    expect(ask(nornen, { action: 'take', offer_id: 'offer-1' })).toEqual(taken);
    expect(ask(nornen, { action: 'take', offer_id: 'offer-1' }).error).toBe('OFFER_TAKEN');
    expect(ask(nornen, { action: 'list' })).toEqual({ ok: true, offers: [taken.offer] });
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['a string', 'list'],
    ['an array', [{ action: 'list' }]],
    ['the longest string there is', parsePayload(bytes(`"${'a'.repeat(PAYLOAD_BYTES_MAX - 2)}"`))],
  ])('refuses what is no JSON object: %s', (_, json) => {
    for (const type of ['MARKETPLACE_REQUEST', 'PROVIDER_REGISTRATION', 'business_request']) {
      expect(ask(market(), json, type)).toEqual({
        ...{ ok: false, error: 'INVALID_REQUEST', message: 'wanted a JSON object' },
      });
    }
  });

  it('looks at the fields that it knows, however many there are', () => {
    const asked: PropertyKey[] = [];
    const json = new Proxy({ action: 'list' } as object, {
      get: (target, key) => {
        asked.push(key);
        return Reflect.get(target, key);
      },
      ownKeys: () => {
        throw new Error('as many as a device likes');
      },
    });
    expect(ask(market(), json)).toEqual({ ok: true, offers: [] });
    expect(asked).toEqual(['action', 'title', 'price', 'offer_id']);
  });

  it.each([
    ['an unknown action', { action: 'sell' }, /^wanted the action list, offer or take$/],
    ['an action that is no text', { action: 5 }, /^wanted the action/],
    ['no title', { action: 'offer', price: '1' }, /^wanted a title of [^;]*$/],
    ['a price in words', { action: 'offer', title: 'a', price: 'free' }, /^wanted a price [^;]*$/],
    ['a price as a number', { action: 'offer', title: 'a', price: 1 }, /^wanted a price [^;]*$/],
    ['nine decimals', { action: 'offer', title: 'a', price: '0.123456789' }, /^wanted a price/],
    ['both wrong', { action: 'offer', title: '', price: '-1' }, /^wanted a title .*; wanted a pr/],
    ['no offer_id', { action: 'take' }, /^wanted the offer_id/],
    ['a long offer_id', { action: 'take', offer_id: 'o'.repeat(33) }, /offer_id$/],
  ])('says which field is wrong: %s', (_, json, message) => {
    const answer = { ok: false, error: 'INVALID_REQUEST', message: expect.stringMatching(message) };
    expect(ask(market(), json)).toEqual(answer);
    expect(ask(market(), {}, 'PROVIDER_REGISTRATION')).toEqual({
      ...answer,
      message: expect.stringMatching(/^wanted a name of /),
    });
  });

  it.each([
    ['control characters', 'a\u0007b'],
    ['a new line', 'a\nb'],
    ['an override of direction', 'a\u202eb'],
    ['an isolate', 'a\u2066b'],
    ['a mark of direction', 'a\u200fb'],
    ['a space without width', 'a\u200bb'],
    ['a separator of lines', 'a\u2028b'],
    ['half of a surrogate pair', 'a\ud83d'],
    ['the other half', '\ude00a'],
    ['spaces alone', ' \u00a0 '],
    ['81 characters', 'a'.repeat(81)],
  ])('takes no titles or names with %s', (_, title) => {
    const nornen = market();
    expect(ask(nornen, { action: 'offer', title, price: '1' }).message).toMatch(/^wanted a title/);
    expect(ask(nornen, { name: title }, 'PROVIDER_REGISTRATION').message).toMatch(/^wanted a name/);
    expect(ask(nornen, {}).offers).toEqual([]);
  });

  it.each(['Faden \u{1f9f5}', '\u05d7\u05d5\u05d8', '\u7dda', 'e\u0301', '<b>', 'a'.repeat(80)])(
    'takes a title of any script: %s',
    (title) => {
      const offer = { action: 'offer', title, price: '1' };
      expect(ask(market(), offer)).toMatchObject({ ok: true, offer: { title } });
    },
  );

  it('opens the file of a market that had looser rules', () => {
    const folder = mkdtempSync(join(tmpdir(), 'andvari-nornen-'));
    try {
      const path = join(folder, 'market.json');
      const offer = { offerId: 'offer-1', title: 'a\u202eb', price: '1', providerId: 'provider-1' };
      const kept = { providers: [], offers: [{ ...offer, takenBy: '' }] };
      writeFileSync(path, JSON.stringify(kept));
      expect(ask(new Nornen(path), {}).offers).toMatchObject([{ title: 'a\u202eb' }]);
      writeFileSync(path, JSON.stringify({ ...kept, offers: [{ ...offer, title: 5 }] }));
      expect(() => new Nornen(path)).toThrow(MarketFileError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
