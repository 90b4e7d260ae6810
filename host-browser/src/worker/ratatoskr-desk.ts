/** The worker's side of the Ratatoskr panel: the device's key, one client, the demo's services. */

import { openDigests } from '@andvari/host-common/raida/digests';
import { parseLockerCode } from '@andvari/host-common/raida/locker-code';
import {
  RatatoskrError,
  RefusedByServerError,
} from '@andvari/host-common/ratatoskr/client/client-error';
import type { ClientStatus } from '@andvari/host-common/ratatoskr/client/client-status';
import { RatatoskrClient } from '@andvari/host-common/ratatoskr/client/ratatoskr-client';
import { WebCryptoEd25519 } from '@andvari/host-common/ratatoskr/webcrypto-ed25519';
import { type DeviceKey, hexOf, openDeviceKey } from '../storage/device-key.ts';
import type { Vault } from '../storage/sealed-wallet-store.ts';
import type { HandlerContext } from './message-server.ts';
import { WorkerFailure } from './messages.ts';
import { fetchNetwork, registerDemoDevice } from './page-server.ts';
import { type Payment, type PaymentEnd, PaymentNote, type Refund } from './payment-note.ts';
import { parseEndpoint, refuseUnreachable } from './ratatoskr-endpoint.ts';
import type {
  ConnectWords,
  MarketWords,
  OfferView,
  PaymentView,
  RatatoskrView,
} from './ratatoskr-messages.ts';
import {
  emitServiceRequest,
  readOffers,
  readService,
  type ServiceAnswer,
  textOf,
} from './service-words.ts';
import { ViewWatchers } from './view-watchers.ts';

/** Heidrun asks 25 servers; some of them may be silent. */
const PAYMENT_TIMEOUT_MS = 90_000;
/** Ages and waits are told once a second. */
const TICK_MS = 1_000;

export class RatatoskrDesk {
  readonly #key: DeviceKey;
  readonly #note: PaymentNote;
  readonly #watchers: ViewWatchers;
  #client: RatatoskrClient | undefined;

  private constructor(key: DeviceKey, note: PaymentNote, watchers: ViewWatchers) {
    this.#key = key;
    this.#note = note;
    this.#watchers = watchers;
    // The network is back: no need to wait for the next try.
    globalThis.addEventListener?.('online', this.#online);
  }

  /** Throws DeviceKeyError, SealError, DatabaseError. */
  static async open(vault: Vault): Promise<RatatoskrDesk> {
    const watchers = new ViewWatchers();
    const key = await openDeviceKey(vault, await WebCryptoEd25519.create());
    const note = await PaymentNote.load(vault, () => watchers.changed());
    return new RatatoskrDesk(key, note, watchers);
  }

  /** The payment that has not ended. */
  get payment(): Payment | undefined {
    return this.#note.open;
  }

  async close(): Promise<void> {
    globalThis.removeEventListener?.('online', this.#online);
    await this.#client?.close();
    this.#client = undefined;
  }

  watch(context: HandlerContext<'ratatoskrWatch'>): Promise<null> {
    const isMoving = () => this.#client !== undefined;
    return this.#watchers.watch(context, { view: () => this.#view(), tickMs: TICK_MS, isMoving });
  }

  /** `reachable`: endpoints that the page's policy names, if that is known. */
  async connect(words: ConnectWords, reachable?: readonly string[]): Promise<null> {
    const askAddress = async () => (await fetchNetwork()).ratatoskr;
    const { transports, serverKey, user } = parseEndpoint(words, askAddress);
    refuseUnreachable(words, reachable);
    await this.disconnect();
    const { deviceId, signer } = this.#key;
    const client = await RatatoskrClient.create({
      ...{ transports, serverKey, signer, deviceId },
      ...{ userId: user, signV2: true },
    }).catch((error) => {
      const isWrong = error instanceof TypeError || error instanceof RangeError;
      throw isWrong ? new WorkerFailure('ANDVARI_ENDPOINT', `${error.message}.`) : error;
    });
    client.subscribe(() => this.#changed());
    this.#client = client;
    await client.connect();
    return null;
  }

  async disconnect(): Promise<null> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
    this.#changed();
    return null;
  }

  retry(): null {
    this.#client?.reconnectNow();
    return null;
  }

  async register(user: string): Promise<null> {
    const { deviceId: id, signer } = this.#key;
    await registerDemoDevice({ id, user, publicKeyHex: hexOf(signer.publicKey) });
    return null;
  }

  /** What is on offer, after the request was met. Throws WorkerFailure when it was not. */
  async market(words: MarketWords, signal: AbortSignal): Promise<readonly OfferView[]> {
    if (words.action === 'offer') {
      const name = this.#key.deviceId;
      met(await this.#ask({ request_type: 'PROVIDER_REGISTRATION', name }, { signal }));
    }
    const { action } = words;
    if (action === 'offer') {
      const { title, price } = words;
      met(await this.#ask({ ...MARKET, action, title, price }, { signal }));
    } else if (action === 'take') {
      met(await this.#ask({ ...MARKET, action, offer_id: words.offerId }, { signal }));
    }
    return readOffers(met(await this.#ask({ ...MARKET, action: 'list' }, { signal })));
  }

  /** Throws WorkerFailure when there is nobody to pay. */
  checkReady(): void {
    this.#connected();
  }

  /** Before any of its coins moves: it is on the disk then. */
  begin(payment: Payment): Promise<void> {
    return this.#note.keep(payment);
  }

  /**
   * Pays with the locker of the payment. It stays open until the service has said yes or no; to ask
   * about it once more is to pay again with the same. Throws RatatoskrError; a payment that was
   * surely never made is then as before it.
   */
  async pay(payment: Payment, { signal }: { signal: AbortSignal }): Promise<PaymentEnd> {
    const { requestId, code, amount } = payment;
    this.#connected();
    await this.#note.keep({ ...payment, asked: true });
    const words = { request_type: 'PAYMENT_REQUEST', locker_code: code, amount };
    try {
      const options = { signal, requestId, timeoutMs: PAYMENT_TIMEOUT_MS };
      const end = await endOf(await this.#ask(words, options));
      await this.#note.keep({ ...payment, asked: true, end });
      return end;
    } catch (error) {
      // Of an earlier asking this says nothing.
      const neverRan = error instanceof RatatoskrError && error.outcome === 'not-executed';
      if (neverRan) await this.#note.keep(payment);
      throw error;
    }
  }

  /** What became of the refund of the payment that is open. */
  async endRefund(state: 'taken' | 'empty'): Promise<void> {
    const { open } = this.#note;
    const { end } = open ?? {};
    if (open === undefined || end?.refund === undefined) return;
    await this.#note.keep({ ...open, end: { ...end, refund: { ...end.refund, state } } });
  }

  async forgetPayment(): Promise<null> {
    await this.#note.forget();
    return null;
  }

  async #ask(
    words: object,
    options: { signal: AbortSignal; requestId?: string; timeoutMs?: number },
  ): Promise<ServiceAnswer> {
    const { payload } = await this.#connected().call(emitServiceRequest(words), options);
    return readService(payload);
  }

  #connected(): RatatoskrClient {
    const state = this.#client?.status().state;
    if (this.#client !== undefined && state !== 'failed') return this.#client;
    throw new WorkerFailure('ANDVARI_OFFLINE', 'There is no connection: connect first.');
  }

  #view(): RatatoskrView {
    const { deviceId: id, signer, locked } = this.#key;
    const device = { id, publicKey: hexOf(signer.publicKey), locked };
    const payment = this.#note.latest && paymentView(this.#note.latest);
    const status = this.#client?.status();
    return {
      ...{ device, ...(payment === undefined ? {} : { payment }) },
      ...(status === undefined ? NOT_CONNECTED : shown(status)),
    };
  }

  #changed(): void {
    this.#watchers.changed();
  }

  readonly #online = (): void => this.#client?.reconnectNow();
}

async function endOf({ ok, message, fields }: ServiceAnswer): Promise<PaymentEnd> {
  if (ok) return { outcome: 'paid', words: textOf(fields['payment_id']) };
  const text = textOf(fields['refund_code']);
  if (text === '') return { outcome: 'refused', words: message };
  try {
    const code = parseLockerCode(text, await openDigests());
    return { outcome: 'refused', words: message, refund: { code, state: 'open' } };
  } catch {
    // Nothing can be taken with it, but the user may ask the service about it.
    return { outcome: 'refused', words: `${message} (${text} is no code of a refund)` };
  }
}

/** The code of its own locker stays here. */
function paymentView({ requestId, amount, asked, end }: Payment): PaymentView {
  const { outcome, words = '', refund } = end ?? {};
  const stage = outcome ?? (asked ? 'asked' : 'unsent');
  return {
    ...{ requestId, amount, words },
    stage: refund === undefined ? stage : REFUND_STAGES[refund.state],
    ...(refund?.state === 'open' ? { refundCode: refund.code } : {}),
  };
}

const REFUND_STAGES: Readonly<Record<Refund['state'], PaymentView['stage']>> = {
  ...{ open: 'refund', taken: 'refunded', empty: 'refund-empty' },
};

const MARKET = { request_type: 'MARKETPLACE_REQUEST' } as const;

const NOT_CONNECTED = {
  state: 'offline',
  ...{ answering: true, signed: false, failures: 0, unreachable: false, unknownDevice: false },
  queue: { waiting: 0, underWay: 0, bytes: 0, oldestMs: undefined, dropped: 0 },
} as const;

/** The fields of `values` that have a value. */
function present<Values extends object>(values: Values) {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as {
    [Name in keyof Values]?: Exclude<Values[Name], undefined>;
  };
}

function shown(status: ClientStatus): Omit<RatatoskrView, 'device' | 'payment'> {
  const { state, answering, session, failures, queue, transport, fault } = status;
  const { roundTripMs, heartbeatAgoMs, retryInMs, unreachable } = status;
  const unknownDevice =
    fault instanceof RefusedByServerError && fault.serverCode === 'UNAUTHENTICATED';
  return {
    ...{ state, answering, failures, unreachable, queue, unknownDevice },
    signed: session?.signed ?? false,
    ...present({ transport, roundTripMs, heartbeatAgoMs, retryInMs }),
    ...present({ sessionEndMs: session?.expiresMs, fault: fault?.message }),
  };
}

/** The answer of a service that did what was asked. Throws WorkerFailure with its reason. */
function met(answer: ServiceAnswer): ServiceAnswer {
  if (answer.ok) return answer;
  throw new WorkerFailure('ANDVARI_REFUSED', answer.message);
}
