import { sizeText, timeText } from '@andvari/host-common/transfer/files/amount-text';
import type { Upgrade } from '@andvari/host-common/transfer/upgrade/upgrade-state';
import type { Command } from 'commander';
import { askControl } from '../io/control-socket.ts';
import { oneLine } from '../transfer/call-peer.ts';
import { controlSocketPath, dataFolder } from '../transfer/data-folder.ts';
import type { CommandContext } from './command-context.ts';

interface StatusOptions {
  socket?: string;
  cancel?: string;
  json?: boolean;
}

/** As a node answers (daemon.ts). */
interface TransferStatus {
  id: string;
  name: string;
  direction: 'send' | 'receive';
  peer: string;
  state: string;
  bytes: number;
  totalBytes: number;
  bytesPerSecond: number;
  secondsLeft: number | null;
  way: string;
  roundTripMs: number | null;
  upgrade: Upgrade;
}

/** So many digits of an id are shown to people: two transfers hardly share them. */
const ID_DIGITS = 12;

/** `andvari status`. */
export function registerStatusCommand(program: Command, context: CommandContext): void {
  program
    .command('status')
    .summary('what is on its way at a server that receives files')
    .description(
      'Ask the server of this user that andvari serve runs, with [transfer] in its ' +
        'configuration: one line for each file that is on its way; or cancel one.',
    )
    .option('--socket <path>', 'transfer.control_socket of the server [in the data folder]')
    .option('--cancel <id>', 'give one up, by the first digits of its id; what has come is kept')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 wrong use, or no such transfer, 2 no server runs with this socket.',
    )
    .action((options: StatusOptions) => status(options, context));
}

async function status(
  { socket, cancel: id, json }: StatusOptions,
  context: CommandContext,
): Promise<void> {
  const path = socket ?? controlSocketPath(dataFolder(context.env));
  const request = id === undefined ? { command: 'status' } : { command: 'cancel', id };
  const answer = await askControl(path, request);
  if (json) context.event(answer);
  else if (id === undefined) tellStatus(answer, context);
  else context.note(`cancelled: ${answer['cancelled']}`);
}

function tellStatus(answer: Record<string, unknown>, context: CommandContext): void {
  const { peer, host, port } = answer;
  const transfers = answer['transfers'] as TransferStatus[];
  context.note(`${peer} listens at ${host}, port ${port}; transfers: ${transfers.length}`);
  for (const transfer of transfers) context.result(lineOf(transfer));
}

function lineOf(transfer: TransferStatus): string {
  const { id, direction, state, name, bytes, totalBytes, bytesPerSecond } = transfer;
  const { secondsLeft, peer } = transfer;
  const left = secondsLeft === null ? '' : `, ${timeText(secondsLeft)} left`;
  const done = `${sizeText(bytes)} of ${sizeText(totalBytes)}`;
  const way = direction === 'send' ? 'to' : 'from';
  const what = `${JSON.stringify(oneLine(name))} ${way} ${peer}`;
  const rate = `${sizeText(bytesPerSecond)}/s${left}`;
  return `${id.slice(0, ID_DIGITS)}  ${state}  ${what}: ${done}, ${rate}, ${routeText(transfer)}`;
}

/** `relayed, 12 ms (no address of the peer answers: ...)`. */
function routeText({ way, roundTripMs, upgrade }: TransferStatus): string {
  const time = roundTripMs === null ? '' : `, round trip ${roundTripMs} ms`;
  const why = way === 'relayed' && upgrade.why ? ` (${upgrade.why.message})` : '';
  return `${way}${time}${why}`;
}
