/** How a command ends, for scripts (docs: README, "Exit codes"). */
export const ExitCode = {
  OK: 0,
  /** Wrong arguments, configuration or input files, and defects of ours. */
  USAGE: 1,
  /** Servers that cannot be reached, ports that cannot be had. */
  NETWORK: 2,
  /** Coins that are counterfeit or in limbo; answers and files that are not what they should be. */
  INTEGRITY: 3,
  /** Somebody said no: a store of another server or in use, a file that would be replaced. */
  REFUSED: 4,
} as const;

const CODES = new Map<string, number>([
  ['ANDVARI_ADDRESS', ExitCode.NETWORK],
  ['ANDVARI_CLOSED', ExitCode.NETWORK],
  ['ANDVARI_CONTROL_NOBODY', ExitCode.NETWORK],
  ['ANDVARI_CONTROL_PROTOCOL', ExitCode.NETWORK],
  ['ANDVARI_ENDPOINT_CLOSED', ExitCode.NETWORK],
  ['ANDVARI_HANDSHAKE_TIMEOUT', ExitCode.NETWORK],
  ['ANDVARI_HANDSHAKE_VERSION', ExitCode.NETWORK],
  ['ANDVARI_INTERRUPTED', ExitCode.NETWORK],
  ['ANDVARI_NETWORK_UNREACHABLE', ExitCode.NETWORK],
  ['ANDVARI_PING_TIMEOUT', ExitCode.NETWORK],
  ['ANDVARI_PORT_IN_USE', ExitCode.NETWORK],
  ['ANDVARI_RELAY_CLOSED', ExitCode.NETWORK],
  ['ANDVARI_RELAY_REPLACED', ExitCode.NETWORK],
  ['ANDVARI_RELAY_UNREACHABLE', ExitCode.NETWORK],
  ['ANDVARI_SESSION_CLOSED', ExitCode.NETWORK],
  ['ANDVARI_TIMEOUT', ExitCode.NETWORK],
  ['ANDVARI_TRANSFER_CUT', ExitCode.NETWORK],
  ['ANDVARI_STREAM_RESET', ExitCode.NETWORK],
  ['ANDVARI_STREAM_STOPPED', ExitCode.NETWORK],
  ['ANDVARI_TRANSFER_CANCELLED', ExitCode.NETWORK],
  ['ANDVARI_UNREACHABLE', ExitCode.NETWORK],
  ['ANDVARI_COIN_IN_USE', ExitCode.REFUSED],
  ['ANDVARI_CONTROL_IN_USE', ExitCode.REFUSED],
  ['ANDVARI_CONTROL_SOCKET', ExitCode.REFUSED],
  ['ANDVARI_FILE_EXISTS', ExitCode.REFUSED],
  ['ANDVARI_FILE_LOCKED', ExitCode.REFUSED],
  ['ANDVARI_IDENTITY_MODE', ExitCode.REFUSED],
  ['ANDVARI_IDENTITY_OWNER', ExitCode.REFUSED],
  ['ANDVARI_IDENTITY_PASSPHRASE', ExitCode.REFUSED],
  ['ANDVARI_IDENTITY_SEALED', ExitCode.REFUSED],
  ['ANDVARI_NO_FREE_COINS', ExitCode.REFUSED],
  ['ANDVARI_NO_NAME_LEFT', ExitCode.REFUSED],
  ['ANDVARI_PART_IN_THE_WAY', ExitCode.REFUSED],
  ['ANDVARI_PART_OF_ANOTHER_FILE', ExitCode.REFUSED],
  ['ANDVARI_FILE_PLACE', ExitCode.REFUSED],
  ['ANDVARI_RATATOSKR_AUDIT_IN_USE', ExitCode.REFUSED],
  ['ANDVARI_REFUSED', ExitCode.REFUSED],
  ['ANDVARI_RELAY_REFUSED', ExitCode.REFUSED],
  ['ANDVARI_SOURCES_DIFFER', ExitCode.REFUSED],
  ['ANDVARI_STORE_BUSY', ExitCode.REFUSED],
  ['ANDVARI_STORE_MISMATCH', ExitCode.REFUSED],
  ['ANDVARI_STORE_REFUSED', ExitCode.REFUSED],
  ['ANDVARI_TRANSFER_IN_USE', ExitCode.REFUSED],
  ['ANDVARI_TRANSFER_NO_PLACE', ExitCode.REFUSED],
  ['ANDVARI_TRANSFER_REFUSED', ExitCode.REFUSED],
  ['ANDVARI_WALLET_CHANGE', ExitCode.REFUSED],
  ['ANDVARI_WALLET_IN_USE', ExitCode.REFUSED],
  ['ANDVARI_WALLET_LOCKER', ExitCode.REFUSED],
  ['ANDVARI_AUDIT_BROKEN', ExitCode.INTEGRITY],
  ['ANDVARI_AUDIT_LOSS', ExitCode.INTEGRITY],
  ['ANDVARI_BAD_REPLY', ExitCode.INTEGRITY],
  ['ANDVARI_CERTIFICATE_REFUSED', ExitCode.INTEGRITY],
  ['ANDVARI_FILE_CHANGED', ExitCode.INTEGRITY],
  ['ANDVARI_FILE_RECORD', ExitCode.INTEGRITY],
  ['ANDVARI_TRANSFER_INTEGRITY', ExitCode.INTEGRITY],
  ['ANDVARI_TRANSFER_PROTOCOL', ExitCode.INTEGRITY],
  ['ANDVARI_RELAY_PROTOCOL', ExitCode.INTEGRITY],
  ['ANDVARI_STORE_CONFLICT', ExitCode.INTEGRITY],
  ['ANDVARI_STORE_UNKNOWN', ExitCode.INTEGRITY],
  ['ANDVARI_UNTRUSTED', ExitCode.INTEGRITY],
  ['ANDVARI_WALLET_UNFIT', ExitCode.INTEGRITY],
]);

/** The exit code of a command that ended with an error. */
export function exitCodeOf(error: unknown): number {
  const { code } = error as { code?: unknown };
  return (typeof code === 'string' && CODES.get(code)) || ExitCode.USAGE;
}
