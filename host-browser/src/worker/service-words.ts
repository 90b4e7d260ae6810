/** Requests to the demo's services, Nornen and Heidrun, and their answers: JSON. */

import { WorkerFailure } from './messages.ts';
import type { OfferView } from './ratatoskr-messages.ts';

/** A market has at most 500; whatever else comes is not shown. */
const OFFERS_MAX = 1_000;
/** Of a name, a price or a reason: what a service sends is not to fill the page. */
const CHARACTERS_MAX = 300;

/** A service has done what was asked, or says why not. */
export interface ServiceAnswer {
  readonly ok: boolean;
  /** The reason; empty when there is none. */
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function emitServiceRequest(words: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(words));
}

/** Throws WorkerFailure ANDVARI_BAD_REPLY for what is no answer of such a service. */
export function readService(payload: Uint8Array): ServiceAnswer {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw badReply();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badReply();
  const fields = value as Record<string, unknown>;
  const { ok } = fields;
  if (typeof ok !== 'boolean') throw badReply();
  const message = textOf(fields['message']) || textOf(fields['error']);
  return { ok, message: ok ? '' : message || 'The service says no.', fields };
}

/** Throws WorkerFailure ANDVARI_BAD_REPLY. */
export function readOffers({ fields }: ServiceAnswer): OfferView[] {
  const { offers } = fields;
  if (!Array.isArray(offers)) throw badReply();
  return offers.slice(0, OFFERS_MAX).map((offer: unknown) => {
    if (typeof offer !== 'object' || offer === null) throw badReply();
    const { offer_id, title, price, provider, taken } = offer as Record<string, unknown>;
    const id = textOf(offer_id);
    if (id === '') throw badReply();
    return {
      ...{ id, title: textOf(title), price: textOf(price), provider: textOf(provider) },
      taken: taken === true,
    };
  });
}

/** As it may be shown: no control characters, nor any that turn the text around them. */
export function textOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value.slice(0, CHARACTERS_MAX).replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

function badReply(): WorkerFailure {
  return new WorkerFailure('ANDVARI_BAD_REPLY', 'The service answered with something else.');
}
