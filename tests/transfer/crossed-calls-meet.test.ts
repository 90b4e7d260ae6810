/** What becomes of a session that a peer has begun, by what came before its message 1. */
import {
  type Crossable,
  type Held,
  meet,
  standIn,
} from '@andvari/host-common/transfer/crossed-calls';
import type { Agreed } from '@andvari/host-common/transfer/handshake-outcome';
import { describe, expect, it } from 'vitest';

const SMALL = new Uint8Array(32).fill(1);
const LARGE = new Uint8Array(32).fill(2);
const never = Number.POSITIVE_INFINITY;
/** In place of a call that the peer has not been heard in. */
const CALL = {} as Held<Crossable>['call'];
/** When our message 3 went: in the order of events, and by the clock. */
const OURS = 100;
const OURS_US = 1000;

interface Ours {
  heard: number;
  isOpen?: boolean;
  initiator?: boolean;
  peerKey?: Uint8Array;
}

function held({ heard, isOpen = true, initiator = true, peerKey = LARGE }: Ours) {
  const session = { initiator, isOpen, startUs: OURS_US, peerKey, close: () => undefined };
  const call = heard === never ? CALL : undefined;
  return { session, handle: 7, call, started: OURS, heard, cid: undefined };
}

/** For the one with the smaller key, unless `own` is another. */
function met(began: number, ours: Ours[], more: { own?: Uint8Array; nowUs?: number } = {}) {
  const { own = SMALL, nowUs = OURS_US + 1 } = more;
  const agreed = { initiator: false, peerKey: own === SMALL ? LARGE : SMALL, began } as Agreed;
  return meet(agreed, ours.map(held), { own, nowUs });
}

const stays = { kind: 'stays', crossed: [], isContested: false };

describe('who has the smaller key', () => {
  it('refuses what began before our message 3 went, whether that was heard or not', () => {
    expect(met(OURS - 1, [{ heard: never }]).kind).toBe('crossed');
    expect(met(OURS - 1, [{ heard: OURS + 9 }]).kind).toBe('crossed');
    expect(met(OURS - 1, [])).toEqual(stays);
  });

  it('waits while it may be that it crossed ours, for 2 s', () => {
    const ours = [{ heard: never }];
    expect(met(OURS, ours).kind).toBe('postponed');
    expect(met(OURS, ours, { nowUs: OURS_US + 1_999_999 }).kind).toBe('postponed');
    const late = met(OURS, ours, { nowUs: OURS_US + 2_000_000 });
    expect(late).toEqual({ ...stays, isContested: true });
  });

  it('is unsure of what began before ours was heard, and sure of what began then', () => {
    const ours = [{ heard: OURS + 50 }];
    expect(met(OURS + 49, ours)).toEqual({ ...stays, isContested: true });
    expect(met(OURS + 50, ours)).toEqual(stays);
  });

  it.each([
    ['is over', { isOpen: false }],
    ['is another peer’s', { peerKey: SMALL }],
    ['the peer began', { initiator: false }],
  ])('does not care for a session that %s', (_, other) => {
    expect(met(OURS - 1, [{ heard: never, ...other }])).toEqual(stays);
  });
});

describe('who has the larger key', () => {
  const ours = { heard: never, peerKey: SMALL };

  it('gives up what crossed and was not heard; where it was, the peer has', () => {
    const own = LARGE;
    expect(met(OURS - 1, [ours], { own })).toMatchObject({ crossed: [{ handle: 7 }] });
    expect(met(OURS, [ours], { own })).toEqual(stays);
    expect(met(OURS - 1, [{ ...ours, heard: OURS + 1 }], { own }).kind).toBe('crossed');
    expect(met(OURS, [{ ...ours, heard: OURS + 1 }], { own })).toEqual(stays);
  });
});

describe('a session in place of ours', () => {
  const theirs = held({ heard: never, initiator: false });

  it('came after our call began', () => {
    expect(standIn(LARGE, OURS - 1, [theirs])).toBe(theirs.session);
    expect(standIn(LARGE, OURS, [theirs])).toBeUndefined();
    expect(standIn(SMALL, OURS - 1, [theirs])).toBeUndefined();
    expect(standIn(LARGE, OURS - 1, [held({ heard: never })])).toBeUndefined();
  });
});
