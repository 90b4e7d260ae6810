/** A file on its way, as a terminal shows it: a bar, the rate, the time that is left. */
import type {
  FileTransfer,
  TransferResult,
} from '@andvari/host-common/transfer/files/file-transfer';
import { Presets, SingleBar } from 'cli-progress';
import type { CommandContext } from './command-context.ts';

/** For the engine of a command that has one session: a window of 8 MiB has room in its blocks. */
export const ONE_SESSION = { sessions: 1, blocks: 1024 };
/** What may be on its way to a reader: 80 ms of a gigabit. */
export const WINDOW_KIB = 8192;
const LOOK_MS = 200;
/** Between two events for machines. */
const EVENT_MS = 1_000;

/**
 * Shows a transfer until it ends, on a terminal as a bar, with `json` as an event a second.
 * Resolves and rejects with it.
 */
export async function showTransfer(
  transfer: FileTransfer,
  { json = false, bar: hasBar = true }: { json?: boolean; bar?: boolean },
  context: CommandContext,
): Promise<void> {
  const bar = json || !hasBar || !context.interactive ? undefined : barFor(transfer, context);
  const tell = () => {
    if (json) context.event({ event: 'progress', ...factsOf(transfer) });
    else bar?.update(transfer.doneBytes, textsOf(transfer));
  };
  const timer = setInterval(tell, json ? EVENT_MS : LOOK_MS);
  try {
    await transfer.completion;
  } finally {
    clearInterval(timer);
    bar?.stop();
  }
}

function barFor(transfer: FileTransfer, context: CommandContext): SingleBar {
  const bar = new SingleBar(
    {
      stream: context.stderr as NodeJS.WriteStream,
      format: '{name} {bar} {percentage} % of {size}  {rate}  {left}',
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(Math.max(1, transfer.totalSize), transfer.doneBytes, textsOf(transfer));
  return bar;
}

function factsOf(transfer: FileTransfer) {
  const { doneBytes, totalSize, rate, eta, state, offer } = transfer;
  return {
    ...{ name: offer.name, state, doneBytes, totalBytes: totalSize },
    ...{ bytesPerSecond: Math.round(rate), secondsLeft: eta === undefined ? null : Math.ceil(eta) },
  };
}

function textsOf({ offer, totalSize, rate, eta }: FileTransfer) {
  return {
    name: offer.name,
    size: sizeText(totalSize),
    rate: `${sizeText(rate)}/s`,
    left: eta === undefined ? '' : timeText(eta),
  };
}

/** `17 B`, `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** `7 s`, `3:05`, `2:00:00`. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const end = two(whole % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${end}` : `${minutes}:${end}`;
}

/** How a file came or went: on a line of the result, or as an event. */
export function tellResult(
  event: 'sent' | 'received',
  { path, hash, bytes, durationMs, averageRate }: TransferResult,
  { json = false }: { json?: boolean },
  context: CommandContext,
): void {
  const digits = Buffer.from(hash).toString('hex');
  if (json) {
    const bytesPerSecond = Math.round(averageRate);
    context.event({ event, path, blake3: digits, bytes, durationMs, bytesPerSecond });
    return;
  }
  const speed = `${sizeText(bytes)} in ${timeText(durationMs / 1000)}, ${sizeText(averageRate)}/s`;
  context.result(`${digits}  ${path}`);
  context.note(`${event}: ${speed}`);
}
