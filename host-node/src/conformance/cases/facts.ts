/** What several cases ask a server about itself: its version and its counts. */
import { Status } from '@andvari/host-common/engine/generated/status';
import { sized } from '../coins.ts';
import type { Conversation } from '../conversation.ts';
import { DENOMINATION_LEAST } from '../state.ts';
import type { RequestFields } from '../wire.ts';

const DATE = /^20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/;

/** Right if it is eight digits yyyymmdd: what comes undeciphered is not. */
export function rightVersion(came: Buffer): Buffer | string {
  return DATE.test(came.toString('latin1')) ? came : 'no date yyyymmdd';
}

/** 75 bytes: every denomination from -8 and how many of its coins are in use. */
function rightAudit(came: Buffer): Buffer | string {
  if (came.length !== 75) return sized(came, 75);
  const right = Buffer.from(came);
  for (let index = 0; index < 15; index++) right.writeInt8(index + DENOMINATION_LEAST, index * 5);
  return right;
}

/** Counts of coins in use by 0/3, denominations from -8. */
export async function audit(
  talk: Conversation,
  more: Partial<RequestFields> = { payload: null },
): Promise<number[]> {
  const { payload } = await talk.ask(
    { group: 0, command: 3, ...more },
    { status: Status.SUCCESS, payload: rightAudit },
  );
  return Array.from({ length: 15 }, (_, index) => payload.readUInt32BE(index * 5 + 1));
}
