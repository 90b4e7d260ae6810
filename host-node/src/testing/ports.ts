/**
 * Ports for servers that end and come back on the same one, or that must find it free: the kernel
 * gives none of these to a connection of somebody else, and no other process of tests is told them.
 */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** Below those that the kernel gives out (net.ipv4.ip_local_port_range). */
const PORTS = { first: 10_000, last: 32_000 } as const;
/** A process takes so many at once; the first of them says that they are taken. */
const BLOCK = 100;
const HOST = '127.0.0.1';
/** 30 s: longer than a connection under way lasts. */
const TRIES_MAX = 150;
const PAUSE_MS = 200;

let next = 0;
let end = 0;

/** The first of so many in a row that are free over TCP and UDP; told to nobody else. */
export async function keptPorts(count = 1): Promise<number> {
  for (;;) {
    if (next + count > end) {
      await takeBlock();
      continue;
    }
    const first = next;
    next += count;
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
}

/** Tries again while somebody has the port. */
export async function onceFree<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await start();
    } catch (error) {
      const { code } = error as { code?: unknown };
      const isTaken = code === 'ANDVARI_PORT_IN_USE' || code === 'EADDRINUSE';
      if (!isTaken || tries === TRIES_MAX) throw error;
      await setTimeout(PAUSE_MS);
    }
  }
}

/** Until this process ends. */
async function takeBlock(): Promise<void> {
  for (;;) {
    const first = PORTS.first + BLOCK * randomInt((PORTS.last - PORTS.first) / BLOCK);
    const server = await opened(createServer().listen(first, HOST));
    if (!server) continue;
    server.unref();
    next = first + 1;
    end = first + BLOCK;
    return;
  }
}

async function isFree(port: number): Promise<boolean> {
  const tcp = await opened(createServer().listen(port, HOST));
  const udp = await opened(createSocket('udp4').bind(port, HOST));
  for (const one of [tcp, udp]) {
    if (one) await new Promise<void>((resolve) => one.close(() => resolve()));
  }
  return tcp !== undefined && udp !== undefined;
}

/** undefined: the port is somebody's. */
async function opened<T extends Server | Socket>(opening: T): Promise<T | undefined> {
  try {
    await once(opening, 'listening');
    return opening;
  } catch {
    return undefined;
  }
}
