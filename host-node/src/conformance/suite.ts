/** All cases, each with serial numbers of its own. */
import type { ConformanceCase } from './case.ts';
import { authCases } from './cases/auth.ts';
import { bodyCases } from './cases/body.ts';
import { changeCases } from './cases/change.ts';
import { executiveCases } from './cases/executive.ts';
import { filesystemCases } from './cases/filesystem.ts';
import { headerCases } from './cases/header.ts';
import { healingCases } from './cases/healing.ts';
import { keyExchangeCases } from './cases/key-exchange.ts';
import { lockerCases } from './cases/locker.ts';
import { modernCases } from './cases/modern.ts';
import { serviceCases } from './cases/services.ts';
import { sizeCases } from './cases/sizes.ts';
import { statusCases } from './cases/status.ts';
import { tradeCases } from './cases/trade.ts';
import { transportCases } from './cases/transport.ts';
import { webSocketCases } from './cases/websocket.ts';
import type { Subject } from './conversation.ts';

/** A case and the number of its block of coins. */
export interface NumberedCase {
  case: ConformanceCase;
  block: number;
}

/** Refused before any coin is looked at: they share one block. */
const refusals: readonly ConformanceCase[] = [...headerCases, ...sizeCases];

const others: readonly ConformanceCase[] = [
  ...[...bodyCases, ...modernCases, ...transportCases, ...statusCases, ...authCases],
  ...[...healingCases, ...executiveCases, ...keyExchangeCases, ...lockerCases, ...tradeCases],
  ...[...changeCases, ...serviceCases, ...filesystemCases, ...webSocketCases],
];

export const suite: readonly NumberedCase[] = [
  ...refusals.map((one) => ({ case: one, block: 0 })),
  ...others.map((one, index) => ({ case: one, block: index + 1 })),
];

/** Can the case be tried on this server, by what the user says of it? */
export function applies(
  { wires, transports, modern }: ConformanceCase,
  subject: Pick<Subject, 'wire' | 'modern' | 'target'>,
): boolean {
  if (wires && !wires.includes(subject.wire)) return false;
  if (transports && !transports.includes(subject.target.transport)) return false;
  return modern === undefined || modern === subject.modern;
}
