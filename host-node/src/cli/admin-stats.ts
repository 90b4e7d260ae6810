import { coinValueUnits, formatUnits } from '@andvari/host-common/raida/coin';
import type { AuditCount, ServerStatistics } from '@andvari/host-common/raida/commands/status';
import type { ServerOutcome } from '@andvari/host-common/raida/outcome';
import {
  type AdminOptions,
  missesOf,
  reportMisses,
  wantPassed,
  withAdmin,
} from './admin-connection.ts';
import type { CommandContext } from './command-context.ts';

/** One server's row. */
interface Row {
  raidaId: number;
  counted: ServerStatistics;
  coins: number;
  units: bigint;
}

const TITLES = ['server', 'echoes', 'powns', 'powned', 'datagrams', 'coins', 'value'] as const;

/** `andvari admin stats`: what each server has counted since its start, and holds now. */
export function stats(options: AdminOptions, context: CommandContext): Promise<void> {
  const json = options.json ?? false;
  return withAdmin(options, context, async ({ client, admin, raidaIds }) => {
    const asked = { signal: context.signal, raidaIds };
    const counted = await client.status.statistics(admin.adminKey, asked);
    wantPassed(counted, 1);
    const audits = await client.status.audit(asked);
    const rows = rowsOf(counted, audits);
    if (json) for (const row of rows) context.event(eventOf(row, audits));
    else for (const line of tableOf(rows)) context.result(line);
    const heard = new Set(rows.map(({ raidaId }) => raidaId));
    const misses = [...missesOf(counted), ...missesOf(audits)];
    const each = misses.filter(
      ({ raidaId }, index) =>
        !heard.has(raidaId) && misses.findIndex((other) => other.raidaId === raidaId) === index,
    );
    reportMisses(each, { json, context });
  });
}

function rowsOf(
  counted: readonly ServerOutcome<ServerStatistics>[],
  audits: readonly ServerOutcome<AuditCount[]>[],
): Row[] {
  return counted.flatMap((outcome): Row[] => {
    const audit = audits.find(({ raidaId }) => raidaId === outcome.raidaId);
    if (outcome.status !== 'pass' || audit?.status !== 'pass') return [];
    const coins = audit.value.reduce((sum, { count }) => sum + count, 0);
    const units = audit.value.reduce(
      (sum, { count, denomination }) => sum + BigInt(count) * coinValueUnits(denomination),
      0n,
    );
    return [{ raidaId: outcome.raidaId, counted: outcome.value, coins, units }];
  });
}

function eventOf(
  { raidaId, counted, coins, units }: Row,
  audits: readonly ServerOutcome<AuditCount[]>[],
): object {
  const audit = audits.find((outcome) => outcome.raidaId === raidaId);
  return {
    event: 'stats',
    raidaId,
    echoes: Number(counted.echoes),
    powns: Number(counted.powns),
    powned: formatUnits(counted.pownedUnits),
    datagrams: Number(counted.datagrams),
    coins,
    value: formatUnits(units),
    denominations: audit?.status === 'pass' ? audit.value : [],
  };
}

function tableOf(rows: readonly Row[]): string[] {
  const cells = rows.map(({ raidaId, counted, coins, units }) => [
    String(raidaId),
    String(counted.echoes),
    String(counted.powns),
    formatUnits(counted.pownedUnits),
    String(counted.datagrams),
    String(coins),
    formatUnits(units),
  ]);
  const all: readonly (readonly string[])[] = [TITLES, ...cells];
  const widths = TITLES.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '));
}
