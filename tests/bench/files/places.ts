/** Where a bench of files runs: loopback, a pair of interfaces, or a path that is far and loses. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CLIENT_IP, ip, SERVER_IP, Veth } from '../../../native-io/lib/testing/veth.ts';
import { Watched } from './watched.ts';

export interface Place {
  name: string;
  /** The commands in front of a program of either side. */
  sender: readonly string[];
  receiver: readonly string[];
  senderHost: string;
  receiverHost: string;
  /** Of the network that they have in common. */
  senderInterface: string;
  receiverInterface: string;
  remove(): Promise<void>;
}

/** What the far path does to each packet, either way. */
export interface FarPath {
  delayMs: number;
  lostPercent: number;
  seed: number;
}

/** What Linux comes with; this machine's own may be another one. */
export const CONGESTION_CONTROL = 'cubic';
const FAR = { sender: '10.78.0.2', receiver: '10.78.0.1' };
let made = 0;

export function loopback(): Place {
  const host = { senderHost: '127.0.0.1', receiverHost: '127.0.0.1' };
  const through = { senderInterface: 'lo', receiverInterface: 'lo' };
  const remove = async () => {};
  return { name: 'loopback', sender: [], receiver: [], ...host, ...through, remove };
}

/** Two namespaces of its own. Throws what `ip` says. */
export function vethPair(congestion = CONGESTION_CONTROL): Place {
  const veth = new Veth();
  try {
    setCongestion(veth.client, veth.clientInterface, congestion);
    setCongestion(veth.server, veth.serverInterface, congestion);
  } catch (error) {
    veth.remove();
    throw error;
  }
  return {
    ...{ senderInterface: veth.clientInterface, receiverInterface: veth.serverInterface },
    ...{ name: 'veth', senderHost: CLIENT_IP, receiverHost: SERVER_IP },
    ...{ sender: inside(veth.client), receiver: inside(veth.server) },
    remove: async () => veth.remove(),
  };
}

/** Two namespaces, and a program between them that delays and loses packets (link.cc). */
export async function farPath(path: FarPath, congestion = CONGESTION_CONTROL): Promise<Place> {
  const id = `${process.pid}-${made++}`;
  const [sender, receiver] = [`and-fs-${id}`, `and-fr-${id}`];
  let link: Watched | undefined;
  const remove = async () => {
    await link?.stop();
    for (const name of [sender, receiver]) spawnSync('ip', ['netns', 'del', name]);
  };
  try {
    for (const name of [sender, receiver]) ip('netns', 'add', name);
    const { delayMs, lostPercent, seed } = path;
    const facts = [delayMs * 1000, lostPercent * 10_000, seed].map(String);
    link = new Watched([linkProgram(), sender, receiver, ...facts]);
    await link.says(/ready/);
    for (const end of ['sender', 'receiver'] as const) {
      const name = end === 'sender' ? sender : receiver;
      ip('-n', name, 'addr', 'add', `${FAR[end]}/24`, 'dev', 'far');
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', name, 'link', 'set', 'far', 'txqueuelen', '5000', 'up');
      setCongestion(name, 'far', congestion);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    ...{ senderInterface: 'far', receiverInterface: 'far' },
    ...{ name: 'far', senderHost: FAR.sender, receiverHost: FAR.receiver },
    ...{ sender: inside(sender), receiver: inside(receiver), remove },
  };
}

const inside = (namespace: string) => ['ip', 'netns', 'exec', namespace];

/** Of TCP, by the route: a namespace itself may be given few (allowed_congestion_control). */
function setCongestion(namespace: string, device: string, name: string): void {
  const [route = ''] = ip('-n', namespace, 'route', 'show', 'dev', device).split('\n');
  const [network = '', ...more] = route.split(' ').filter(Boolean);
  ip('-n', namespace, 'route', 'replace', network, 'dev', device, ...more, 'congctl', name);
}

function linkProgram(): string {
  const source = join(import.meta.dirname, 'link.cc');
  const path = join(import.meta.dirname, '../../../native-io/build/bench/link');
  mkdirSync(dirname(path), { recursive: true });
  const words = ['-O2', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-o', path, source];
  const { status, stderr, error } = spawnSync('g++', words, { encoding: 'utf8' });
  if (status === 0) return path;
  throw new Error(`bench:files wants g++ (apt-get install g++): ${error?.message ?? stderr}`);
}
