/** What both directions show of a transfer, and how errors are told. */
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import type { FaultView } from './transfer-messages.ts';

export function movementOf(transfer: FileTransfer | undefined) {
  const eta = transfer?.eta;
  const roundTripUs = transfer?.route.statistics()?.ROUND_TRIP_US;
  return {
    doneBytes: transfer?.doneBytes ?? 0,
    rate: transfer?.rate ?? 0,
    paused: transfer?.state === 'paused',
    ...(eta === undefined ? {} : { secondsLeft: eta }),
    ...(transfer && { way: transfer.way }),
    ...(roundTripUs === undefined ? {} : { roundTripMs: Math.round(roundTripUs / 1000) }),
    ...(transfer && { authenticationString: transfer.authenticationString }),
  };
}

/** An error without a code of ours is a fault of ours, and no more of it is told. */
export function faultOf(error: unknown): FaultView {
  const { code, message, name } = error as { code?: unknown; message?: string; name?: string };
  if (typeof code === 'string' && code.startsWith('ANDVARI_')) {
    return { code, message: message ?? '' };
  }
  return { code: 'ANDVARI_INTERNAL', message: `something broke here (${name ?? typeof error})` };
}
