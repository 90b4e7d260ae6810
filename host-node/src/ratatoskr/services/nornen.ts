/**
 * Nornen, for demonstration: a tiny marketplace. Payloads are JSON.
 *
 * | request | answer |
 * |---|---|
 * | `{request_type:"PROVIDER_REGISTRATION", name}` | `{ok:true, provider_id, name}` |
 * | `{request_type:"MARKETPLACE_REQUEST", action:"list"}` | `{ok:true, offers:[Offer]}` |
 * | `{..., action:"offer", title, price}` | `{ok:true, offer:Offer}`; providers only |
 * | `{..., action:"take", offer_id}` | `{ok:true, offer:Offer}` |
 *
 * Offer: `{offer_id, title, price, provider, taken}`, price a decimal number of CloudCoins as text.
 * A request that cannot be met is answered `{ok:false, error, message}` with error one of
 * INVALID_REQUEST, NOT_A_PROVIDER, NAME_TAKEN, NO_SUCH_OFFER, OFFER_TAKEN, MARKET_FULL. Without
 * request_type or action it is a list; what is no JSON object is INVALID_REQUEST.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileDurably } from '../../files/durable-file.ts';
import type { Service, ServiceRequest } from '../service-bus.ts';
import { answerOf, objectOf, Refusal } from './answer.ts';

/** Enough for a demonstration; the list of all offers stays far below the limit of a payload. */
const OFFERS_MAX = 500;
const PROVIDERS_MAX = 500;

const NAME_LIKE = '1 to 80 characters, not all of them spaces, none of control or format';
/**
 * What turns or hides the text around it would make one name look like another, or an offer like
 * what it is not. Half of a surrogate pair is no text.
 */
const nameLike = (problem: string) =>
  z.string(problem).regex(/^(?=.*\S)[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,80}$/u, problem);
const PRICE = /^(0|[1-9][0-9]{0,8})(\.[0-9]{1,8})?$/;
const PRICE_PROBLEM =
  'wanted a price as text: a decimal number such as 1.5, up to 9 digits before the point, 8 behind';
const registrationSchema = z.object({ name: nameLike(`wanted a name of ${NAME_LIKE}`) });
const actionSchema = z.discriminatedUnion(
  'action',
  [
    z.object({ action: z.literal('list') }),
    z.object({
      action: z.literal('offer'),
      title: nameLike(`wanted a title of ${NAME_LIKE}`),
      price: z.string(PRICE_PROBLEM).regex(PRICE, PRICE_PROBLEM),
    }),
    z.object({
      action: z.literal('take'),
      offer_id: z.string('wanted the offer_id of an offer').max(32, 'wanted a shorter offer_id'),
    }),
  ],
  'wanted the action list, offer or take',
);

/** Files may hold what was taken when names could be anything without control characters. */
const keptName = z.string().regex(/^[^\p{Cc}]{1,80}$/u);
const providerSchema = z.object({ providerId: z.string(), name: keptName, device: z.string() });
const offerSchema = z.object({
  offerId: z.string(),
  title: keptName,
  price: z.string().regex(PRICE),
  providerId: z.string(),
  /** Device that has taken it; empty: nobody. */
  takenBy: z.string(),
});
const stateSchema = z.object({
  providers: z.array(providerSchema),
  offers: z.array(offerSchema),
});

type Provider = z.infer<typeof providerSchema>;
type Offer = z.infer<typeof offerSchema>;
type State = z.infer<typeof stateSchema>;

/** The file that keeps the market is something else, or damaged. */
export class MarketFileError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_MARKET';
  override readonly name = 'MarketFileError';
}

export class Nornen implements Service {
  readonly name = 'Nornen';
  readonly #path: string | undefined;
  #state: State;

  /**
   * @param path the file that keeps the market; without it the market ends with the process
   * @throws MarketFileError
   */
  constructor(path?: string) {
    this.#path = path;
    this.#state = (path !== undefined && readState(path)) || { providers: [], offers: [] };
  }

  handle(request: ServiceRequest): Uint8Array {
    return answerOf(() => {
      const json = objectOf(request.json);
      if (request.requestType === 'PROVIDER_REGISTRATION') return this.#register(request, json);
      // Field by field: a copy of all that a device may send costs as much as there is of it.
      const { action = 'list', title, price, offer_id } = json;
      const parsed = actionSchema.safeParse({ action, title, price, offer_id });
      if (!parsed.success) throw invalid(parsed.error);
      if (parsed.data.action === 'offer') return this.#offer(request, parsed.data);
      if (parsed.data.action === 'take') return this.#take(request, parsed.data.offer_id);
      return { offers: this.#state.offers.map((offer) => this.#shown(offer)) };
    });
  }

  #register({ deviceId }: ServiceRequest, json: object) {
    const parsed = registrationSchema.safeParse(json);
    if (!parsed.success) throw invalid(parsed.error);
    const { providers } = this.#state;
    const own = providers.find(({ device }) => device === deviceId);
    if (own) return { provider_id: own.providerId, name: own.name };
    if (providers.some((provider) => provider.name === parsed.data.name)) {
      throw new Refusal('NAME_TAKEN', 'another provider has this name');
    }
    if (providers.length >= PROVIDERS_MAX) throw new Refusal('MARKET_FULL', 'no more providers');
    const provider: Provider = {
      providerId: `provider-${providers.length + 1}`,
      name: parsed.data.name,
      device: deviceId,
    };
    this.#save({ ...this.#state, providers: [...providers, provider] });
    return { provider_id: provider.providerId, name: provider.name };
  }

  #offer({ deviceId }: ServiceRequest, { title, price }: { title: string; price: string }) {
    const { providers, offers } = this.#state;
    const provider = providers.find(({ device }) => device === deviceId);
    if (!provider) throw new Refusal('NOT_A_PROVIDER', 'a PROVIDER_REGISTRATION has to come first');
    if (offers.length >= OFFERS_MAX) throw new Refusal('MARKET_FULL', 'no more offers');
    const offer: Offer = {
      offerId: `offer-${offers.length + 1}`,
      title,
      price,
      providerId: provider.providerId,
      takenBy: '',
    };
    this.#save({ ...this.#state, offers: [...offers, offer] });
    return { offer: this.#shown(offer) };
  }

  #take({ deviceId }: ServiceRequest, offerId: string) {
    const { offers } = this.#state;
    const offer = offers.find((one) => one.offerId === offerId);
    if (!offer) throw new Refusal('NO_SUCH_OFFER', 'there is no such offer');
    if (offer.takenBy !== '') throw new Refusal('OFFER_TAKEN', 'somebody has taken it');
    const taken = { ...offer, takenBy: deviceId };
    this.#save({ ...this.#state, offers: offers.map((one) => (one === offer ? taken : one)) });
    return { offer: this.#shown(taken) };
  }

  /** Who has taken it is nobody else's business. */
  #shown({ offerId, title, price, providerId, takenBy }: Offer) {
    const provider = this.#state.providers.find((one) => one.providerId === providerId);
    const taken = takenBy !== '';
    return { offer_id: offerId, title, price, provider: provider?.name ?? '', taken };
  }

  /** On the disk before it is answered. */
  #save(state: State): void {
    if (this.#path !== undefined) replaceFileDurably(this.#path, `${JSON.stringify(state)}\n`);
    this.#state = state;
  }
}

/** Says what is wrong of each field. */
function invalid({ issues }: z.ZodError): Refusal {
  return new Refusal('INVALID_REQUEST', issues.map(({ message }) => message).join('; '));
}

/** Throws MarketFileError for a file that holds no market: to begin anew would lose it. */
function readState(path: string): State | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MarketFileError(`${path} holds no market`, { cause: error });
  }
}
