import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PAYLOAD_BYTES_MAX } from '../limits.ts';
import { parsePayload } from '../payload-json.ts';
import type { ServiceRequest } from '../service-bus.ts';
import { Nornen } from './nornen.ts';

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
});
