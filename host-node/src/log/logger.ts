import pino from 'pino';
import type { LogLevel } from './log-level.ts';

export type Logger = pino.Logger;

export interface LoggerOptions {
  level?: LogLevel;
  /** One JSON object per line in place of human text. */
  json?: boolean;
  /** Where a finished line goes, its newline included. Default: standard error. */
  write?: (line: string) => void;
}

/** Fields that hold a secret by their name. What they hold is never written, whatever the level. */
const SECRET_FIELD =
  /^(.*(key|keys|secret|seed|passphrase|password)|authenticationNumbers?|an|ans|newAn|oldAn|pan)$/i;
/** The same for a child logger's bindings, which pino passes by the formatter. */
const SECRET_BINDINGS = [
  'adminKey',
  'key',
  'secret',
  'seed',
  'passphrase',
  'password',
  'authenticationNumber',
  'authenticationNumbers',
  'an',
  'pan',
];
/** Nesting that is looked through for secrets; anything deeper is left out of the log. */
const LOG_DEPTH_MAX = 4;
/** Characters of one human field; longer ones are cut. */
const FIELD_CHARACTERS_MAX = 400;

const LEVEL_NAMES = new Map(
  Object.entries(pino.levels.labels).map(([number, label]) => [Number(number), label.padEnd(5)]),
);

/**
 * The program's log: human text on standard error, or one JSON object per line. Results of
 * commands are not log lines; they go to standard output.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const level = options.level ?? 'info';
  const write = options.write ?? standardError();
  const verbose = level === 'trace' || level === 'debug';
  const stream = options.json ? { write } : { write: (line: string) => write(humanLine(line)) };
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: withoutSecrets },
      redact: { paths: SECRET_BINDINGS, censor: '[secret]' },
      serializers: { err: (error: unknown) => describeError(error, verbose) },
    },
    stream,
  );
}

/** Written at once, so that the last line before an exit is never lost. */
function standardError(): (line: string) => void {
  const destination = pino.destination({ fd: 2, sync: true });
  return (line) => {
    destination.write(line);
  };
}

/** An error as a log field. A stack is for whoever looks for a bug: only in the verbose levels. */
function describeError(error: unknown, verbose: boolean): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    ...(verbose ? { stack: error.stack } : {}),
  };
}

/** A copy of a log object with secrets and raw bytes replaced by what may be told of them. */
function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  return cleanObject(fields, 0);
}

function cleanObject(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    clean[name] = SECRET_FIELD.test(name) ? '[secret]' : cleanValue(value, depth + 1);
  }
  return clean;
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= LOG_DEPTH_MAX) return '[...]';
  if (Array.isArray(value)) return value.map((item) => cleanValue(item, depth + 1));
  return cleanObject(value, depth);
}

/** `05:38:34.120 info  message  name=value ...` from one line of JSON. */
function humanLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const parts = [`${clock} ${LEVEL_NAMES.get(Number(level)) ?? level} ${printable(String(msg))}`];
  for (const [name, value] of Object.entries(fields)) parts.push(`${name}=${humanValue(value)}`);
  if (typeof err === 'object' && err !== null) parts.push(humanError(err));
  return `${parts.join('  ')}\n`;
}

function humanError(error: {
  message?: unknown;
  code?: unknown;
  cause?: unknown;
  stack?: unknown;
}) {
  const code = error.code === undefined ? '' : ` (${String(error.code)})`;
  const cause = error.cause === undefined ? '' : `: ${String(error.cause)}`;
  const stack = typeof error.stack === 'string' ? `\n${error.stack}` : '';
  return `${printable(String(error.message))}${printable(cause)}${code}${stack}`;
}

function humanValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const cut =
    text.length > FIELD_CHARACTERS_MAX ? `${text.slice(0, FIELD_CHARACTERS_MAX)}...` : text;
  return /^[^\s"=]+$/.test(cut) ? printable(cut) : printable(JSON.stringify(cut));
}

/** A stranger's text must not steer the operator's terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
