import { InvalidArgumentError } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../log/log-level.ts';

/** A port number; 0 lets the system choose. For commander's option parsers. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65535) return port;
  throw new InvalidArgumentError('wanted a port from 0 to 65535.');
}

/** The first of 25 ports in a row; 0 lets the system choose them. */
export function parseBasePort(text: string): number {
  const port = parsePort(text);
  if (port + 24 <= 65535) return port;
  throw new InvalidArgumentError('25 ports from there on would pass 65535.');
}

/** 25 for TCP and 25 for WebSockets. */
export function parsePeerPort(text: string): number {
  const port = parsePort(text);
  if (port + 49 <= 65535) return port;
  throw new InvalidArgumentError('50 ports from there on would pass 65535.');
}

/** `wss://host/path`, or the `https:` of WebTransport; each adds to those before. */
export function parseEndpointAddress(text: string, before: string[] = []): string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What a page in clear on this machine may speak to in clear.
  const isHere = /^ws:\/\/(localhost|127(\.\d+){3}|\[::1\])[:/]/.test(url?.href ?? '');
  const isEndpoint = isHere || url?.protocol === 'wss:' || url?.protocol === 'https:';
  // The list is public, and a policy reads a star as any host.
  const isPlain = url && !/[*@#]/.test(`${url.host}${text}`);
  if (url && isEndpoint && isPlain) return [...before, url.href];
  throw new InvalidArgumentError(
    'wanted wss://HOST/PATH or https://HOST/PATH, without a star, a password or a fragment.',
  );
}

export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level) return level;
  throw new InvalidArgumentError(`wanted one of ${LOG_LEVELS.join(', ')}.`);
}

/** Milliseconds. */
export function parseTimeout(text: string): number {
  const timeoutMs = Number(text);
  if (/^\d{1,6}$/.test(text) && timeoutMs >= 1) return timeoutMs;
  throw new InvalidArgumentError('wanted milliseconds from 1 to 999999.');
}
