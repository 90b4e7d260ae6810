/**
 * One connection to a host of several addresses (RFC 8305, "happy eyeballs"): the next is tried
 * when one has failed or said nothing for a moment, and the first that proves itself is taken.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** RFC 8305 section 5: time for one address before the next is tried beside it. */
const NEXT_ADDRESS_MS = 250;
/** More would only be waited for; a host has one or two of each kind. */
const ADDRESSES_MAX = 4;

/** A try with one address. `done` resolves when it needs no other beside it, however it ended. */
export type StartAttempt = (address: string) => { done: Promise<void> };

/**
 * Literal addresses as they are; a name's in the order of the system, at most four. Rejects when
 * the name is unknown.
 */
export async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => address))].slice(0, ADDRESSES_MAX);
}

/** Start a try for each address in turn, as long as `isOpen`. Resolves when all have begun. */
export async function startInTurn(
  addresses: readonly string[],
  start: StartAttempt,
  isOpen: () => boolean,
): Promise<void> {
  for (const address of addresses) {
    if (!isOpen()) return;
    const { done } = start(address);
    const pause = Promise.withResolvers<void>();
    const timer = setTimeout(pause.resolve, NEXT_ADDRESS_MS);
    await Promise.race([done, pause.promise]);
    clearTimeout(timer);
  }
}
