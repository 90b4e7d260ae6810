/** A file on its way, as a terminal shows it: a bar, the rate, the time that is left. */
import type { Way } from '@andvari/host-common/transfer/far-end';
import { sizeText, timeText } from '@andvari/host-common/transfer/files/amount-text';
import type {
  FileTransfer,
  TransferResult,
} from '@andvari/host-common/transfer/files/file-transfer';
import { Presets, SingleBar } from 'cli-progress';
import { oneLine } from '../transfer/call-peer.ts';
import type { CommandContext } from './command-context.ts';
import { tellWays } from './transfer-ways.ts';

export const LOOK_MS = 200;
/** Between two events for machines. */
export const EVENT_MS = 1_000;

interface ShowOptions {
  json?: boolean;
  bar?: boolean;
}

/**
 * Shows a transfer until it ends, on a terminal as a bar, with `json` as an event a second, and
 * tells how it went. Rejects with what ended it; Ctrl-C ends it before.
 */
export async function untilDone(
  event: 'sent' | 'received',
  begun: FileTransfer | Promise<FileTransfer>,
  options: ShowOptions,
  context: CommandContext,
): Promise<void> {
  try {
    const transfer = await begun;
    if (transfer.direction === 'receive') void tellSources(transfer, options, context);
    const result = await shown(transfer, options, context);
    tellResult(event, { ...result, way: transfer.way }, options, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  }
}

async function shown(
  transfer: FileTransfer,
  { json = false, bar: hasBar = true }: ShowOptions,
  context: CommandContext,
): Promise<TransferResult> {
  const bar = json || !hasBar || !context.interactive ? undefined : barFor(transfer, context);
  const tell = () => {
    if (json) context.event({ event: 'progress', ...factsOf(transfer) });
    else bar?.update(transfer.doneBytes, textsOf(transfer));
  };
  const timer = setInterval(tell, json ? EVENT_MS : LOOK_MS);
  const ways = tellWays(transfer.route, { json }, context);
  try {
    return await transfer.completion;
  } finally {
    clearInterval(timer);
    ways.stop();
    bar?.stop();
  }
}

/** Who comes and goes while it comes. */
async function tellSources(
  transfer: FileTransfer,
  { json = false }: ShowOptions,
  context: CommandContext,
): Promise<void> {
  for await (const event of transfer.events({ everyMs: EVENT_MS })) {
    if (event.type !== 'source') continue;
    const { name: peer, isAsked, error } = event.source;
    const { message, code } = (error ?? {}) as { message?: string; code?: string };
    const why = message === undefined ? {} : { error: oneLine(message), code };
    if (json) context.event({ event: 'source', peer, isAsked, ...why });
    // Of a single one the command tells it.
    else if (!isAsked && transfer.sources.length > 1)
      context.note(`  ${peer} is no source any more: ${why.error} (${code})`);
  }
}

function barFor(transfer: FileTransfer, context: CommandContext): SingleBar {
  const bar = barOf(
    '{name} {bar} {percentage} % of {size}  {rate}  {way}{sources}  {left}',
    context,
  );
  bar.start(Math.max(1, transfer.totalSize), transfer.doneBytes, textsOf(transfer));
  return bar;
}

/** A bar on stderr that has not begun. */
export function barOf(format: string, context: CommandContext): SingleBar {
  return new SingleBar(
    {
      stream: context.stderr as NodeJS.WriteStream,
      format,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
}

function factsOf(transfer: FileTransfer) {
  const { doneBytes, totalSize, rate, eta, state, name, way, direction } = transfer;
  const roundTripUs = transfer.route.statistics()?.ROUND_TRIP_US;
  const sources = transfer.sources.map(({ name: peer, isAsked, bytes }) => {
    return { peer, isAsked, bytes };
  });
  return {
    ...{ name, way, state, doneBytes, totalBytes: totalSize },
    ...{ bytesPerSecond: Math.round(rate), secondsLeft: eta === undefined ? null : Math.ceil(eta) },
    roundTripMs: roundTripUs === undefined ? null : Math.round(roundTripUs) / 1000,
    ...(direction === 'receive' && { sources }),
  };
}

function textsOf({ name, totalSize, rate, eta, way, sources }: FileTransfer) {
  const asked = sources.filter(({ isAsked }) => isAsked).length;
  return {
    name,
    way,
    sources: sources.length > 1 ? `, from ${asked}` : '',
    size: sizeText(totalSize),
    rate: `${sizeText(rate)}/s`,
    left: eta === undefined ? '' : timeText(eta),
  };
}

/** How a file came or went: on a line of the result, or as an event. */
function tellResult(
  event: 'sent' | 'received',
  { path, hash, bytes, durationS, averageRate, way }: TransferResult & { way: Way },
  { json = false }: { json?: boolean },
  context: CommandContext,
): void {
  const digits = Buffer.from(hash).toString('hex');
  if (json) {
    const [durationMs, bytesPerSecond] = [durationS * 1000, Math.round(averageRate)];
    context.event({ event, path, blake3: digits, bytes, durationMs, bytesPerSecond, way });
    return;
  }
  const speed = `${sizeText(bytes)} in ${timeText(durationS)}, ${sizeText(averageRate)}/s, ${way}`;
  context.result(`${digits}  ${path}`);
  context.note(`${event}: ${speed}`);
}
