/** What cases do with coins: lists, putting back, coins that are made for one case. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { type Conversation, KNOWN_FREE_PAGE } from './conversation.ts';
import { ADMIN_KEY, IN_USE_RECORDS, PAGE_RECORDS, STATE_PAGES } from './state.ts';
import { type Coin, coinName, join, type KnownCoin, md5, u32, xor } from './wire.ts';

/** n x (denomination, serial number). */
export function names(coins: readonly Coin[]): Buffer {
  return join(...coins.map(coinName));
}

/** n x (denomination, serial number, AN). */
export function withAns(coins: readonly KnownCoin[]): Buffer {
  return join(...coins.flatMap((coin) => [coinName(coin), coin.an]));
}

/** n x (denomination, serial number, AN, PAN). */
export function withPans(pairs: readonly (readonly [KnownCoin, Buffer])[]): Buffer {
  return join(...pairs.flatMap(([coin, pan]) => [coinName(coin), coin.an, pan]));
}

export function sumOf(coins: readonly KnownCoin[]): Buffer {
  return xor(...coins.map(({ an }) => an));
}

/** The same coin with another AN. */
export function as(coin: KnownCoin, an: Buffer): KnownCoin {
  return { ...coin, an };
}

/** Status of an aggregate, whatever it is. */
const ANY_AGGREGATE = [Status.ALL_FAIL, Status.ALL_PASS, Status.MIXED];
const anything = (came: Buffer) => came;

/**
 * Gives coins their AN of the state back, which an interrupted run may have left with one of
 * `others`. Done first in every case that changes coins.
 */
export async function putBack(
  talk: Conversation,
  coins: readonly KnownCoin[],
  others: readonly Buffer[],
): Promise<void> {
  const pairs = coins.flatMap((coin) => others.map((an) => [as(coin, an), coin.an] as const));
  const payload = withPans(pairs);
  const status = ANY_AGGREGATE;
  await talk.ask({ group: 1, command: 20, payload }, { status, payload: anything });
}

/** Wants all coins to be authentic (or none). */
export async function detect(
  talk: Conversation,
  coins: readonly KnownCoin[],
  status: number = Status.ALL_PASS,
): Promise<void> {
  await talk.ask({ group: 1, command: 10, payload: withAns(coins) }, { status });
}

/** Wants a pown of all coins to pass (or none). */
export async function pown(
  talk: Conversation,
  pairs: readonly (readonly [KnownCoin, Buffer])[],
  status: number = Status.ALL_PASS,
): Promise<void> {
  await talk.ask({ group: 1, command: 20, payload: withPans(pairs) }, { status });
}

/** 16 flag bytes, one for each denomination from -8, that ask for these. */
export function flags(...denominations: readonly number[]): Buffer {
  const bytes = Buffer.alloc(16);
  for (const denomination of denominations) bytes[denomination + 8] = 1;
  return bytes;
}

/**
 * Reads the reply of 3/120 and 10/172: for each denomination its number, counts of ranges and of
 * singles, ranges (first, last), singles. A text: what is wrong with it.
 */
export function parseOffer(payload: Buffer): Coin[] | string {
  const coins: Coin[] = [];
  for (let at = 0; at < payload.length; ) {
    if (at + 3 > payload.length) return 'the list ends inside a denomination';
    const denomination = payload.readInt8(at);
    const ranges = payload.readUInt8(at + 1);
    const singles = payload.readUInt8(at + 2);
    at += 3;
    if (at + ranges * 8 + singles * 4 > payload.length) return 'the list ends inside its numbers';
    for (let i = 0; i < ranges; i++, at += 8) {
      const first = payload.readUInt32BE(at);
      const last = payload.readUInt32BE(at + 4);
      if (last < first || last - first > PAGE_RECORDS * 1024) return `a range ${first} to ${last}`;
      for (let sn = first; sn <= last; sn++) coins.push({ denomination, serialNumber: sn });
    }
    for (let i = 0; i < singles; i++, at += 4) {
      coins.push({ denomination, serialNumber: payload.readUInt32BE(at) });
    }
  }
  return coins;
}

/** A text that parseOffer() gives is what is wrong; else the reply is right as it came. */
export function anyOffer(came: Buffer): Buffer | string {
  const offer = parseOffer(came);
  return typeof offer === 'string' ? offer : came;
}

/** Fails the case for an offer of a coin of the state: those are always in use. */
export function wantFree(talk: Conversation, coins: readonly Coin[]): void {
  const taken = coins.find(
    ({ serialNumber }) =>
      serialNumber < STATE_PAGES * PAGE_RECORDS && serialNumber % PAGE_RECORDS < IN_USE_RECORDS,
  );
  if (taken) talk.fail(`serial number ${taken.serialNumber} is offered, and in use`);
}

/** Reservations last 16 s: what an earlier run holds is free again after this. */
const OFFER_TRIES = 18;
const OFFER_PAUSE_MS = 1000;
export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Free serial numbers that 3/120 reserves for a session; waits while others hold them. */
export async function reserve(
  talk: Conversation,
  session: Buffer,
  denomination: number,
  count: number,
): Promise<Coin[]> {
  const payload = join(session, ADMIN_KEY, flags(denomination));
  for (let i = 0; i < OFFER_TRIES; i++) {
    const { payload: came } = await talk.ask(
      { group: 3, command: 120, payload, encryption: talk.sealed() },
      { status: Status.SUCCESS, payload: anyOffer },
    );
    const offer = parseOffer(came);
    const coins = typeof offer === 'string' ? [] : offer;
    const spare = coins.filter(({ serialNumber }) => serialNumber < KNOWN_FREE_PAGE * PAGE_RECORDS);
    const chosen = (spare.length >= count ? spare : coins).slice(0, count);
    if (chosen.length === count) return chosen;
    await pause(OFFER_PAUSE_MS);
  }
  return talk.fail(`3/120 offers no ${count} free serial numbers of denomination ${denomination}`);
}

/** AN that 3/130 gives: MD5 of decimal RAIDA number, decimal serial number, admin key in hex. */
function createdAn(raidaId: number, { serialNumber }: Coin): Buffer {
  return md5(`${raidaId}${serialNumber}${ADMIN_KEY.toString('hex')}`);
}

/** Frees coins after the case; what is free already stays so. */
export function freeAfterwards(talk: Conversation, coins: readonly Coin[]): void {
  talk.cleanups.push(async () => {
    await talk.ask(
      {
        group: 3,
        command: 150,
        payload: join(u32(0), ADMIN_KEY, names(coins)),
        encryption: talk.sealed(),
      },
      { status: Status.SUCCESS },
    );
  });
}

/** Coins made for this case by 3/120 and 3/130; they are freed after it. */
export async function makeCoins(
  talk: Conversation,
  denomination: number,
  count: number,
): Promise<KnownCoin[]> {
  const session = talk.bytes(`session:${denomination}`, 4);
  const free = await reserve(talk, session, denomination, count);
  const coins = free.map((coin) => ({ ...coin, an: createdAn(talk.raidaId, coin) }));
  freeAfterwards(talk, coins);
  await talk.ask(
    {
      group: 3,
      command: 130,
      payload: join(session, ADMIN_KEY, names(coins)),
      encryption: talk.sealed(),
    },
    { status: Status.SUCCESS, payload: (came) => sized(came, 16 * count) },
  );
  return coins;
}

/** Any bytes of that length. */
export function sized(came: Buffer, length: number): Buffer | string {
  return came.length === length ? came : `a payload of ${came.length} bytes, wanted ${length}`;
}

/** A serial number on no page of any server. */
export const NO_PAGE: Coin = { denomination: 0, serialNumber: 0xfffffff0 };
