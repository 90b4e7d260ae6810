/**
 * `npm run bench:transfer`: what transfer costs, every ratio against a peer measured in the same
 * run. One part by its name.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchTransferCrypto } from './crypto.ts';
import { benchHandshake } from './handshake.ts';
import { benchSession } from './session.ts';
import { benchSockets } from './sockets.ts';
import { benchVeth } from './veth.ts';

async function crypto(): Promise<void> {
  const rows = await benchTransferCrypto();
  for (const { what, ns, bytes, peer } of rows) {
    const other = rows.find((row) => row.what === peer);
    // By bytes: a peer that is slow is given less of them.
    const ratio = other ? `x ${(other.ns / other.bytes / (ns / bytes)).toFixed(2)}` : '';
    const speed = `${((bytes / ns) * 1000).toFixed(0)} MB/s`;
    const columns = [
      'crypto'.padEnd(10),
      what.padEnd(62),
      `${ns.toFixed(0)} ns`.padStart(12),
      speed.padStart(12),
      ratio,
    ];
    console.log(columns.join(' ').trimEnd());
  }
}

async function session(): Promise<void> {
  for (const [mtu, megabytes] of [
    [1472, 400],
    [8972, 800],
  ] as const) {
    const row = await benchSession(mtu, megabytes);
    const gigabits = (seconds: number) => ((row.bytes * 8) / seconds / 1e9).toFixed(2).padStart(6);
    const both = row.sendingS + row.receivingS;
    console.log(
      `session    packets of ${row.mtu} bytes: sending ${gigabits(row.sendingS)} Gbit/s ` +
        `(${((row.sendingS / row.packets) * 1e9).toFixed(0)} ns a packet), ` +
        `receiving ${gigabits(row.receivingS)}, both on one core ${gigabits(both)}`,
    );
  }
}

async function compression(): Promise<void> {
  for (const [what, piece] of Object.entries(contents())) {
    const plain = await benchSession(1472, 200, { piece });
    const packed = await benchSession(1472, 200, { piece, compress: true });
    const speed = (seconds: number) => `${(packed.bytes / seconds / 1e6).toFixed(0)} MB/s`;
    const ratio = (one: number, other: number) => `x ${(one / other).toFixed(2)}`;
    console.log(
      `compress   ${what.padEnd(8)} ${ratio(packed.wireBytes, plain.wireBytes)} of the bytes; ` +
        `sending ${speed(packed.sendingS)} (${ratio(plain.sendingS, packed.sendingS)}), ` +
        `receiving ${speed(packed.receivingS)} (${ratio(plain.receivingS, packed.receivingS)})`,
    );
  }
}

/** A text (this program, which comes again after some 25 KB), noise, and zeros: 256 KiB each. */
function contents(): Record<string, Uint8Array> {
  const names = ['main', 'session', 'crypto', 'sockets', 'handshake'];
  const read = (name: string) => readFileSync(new URL(`${name}.ts`, import.meta.url));
  const program = Buffer.concat(names.map(read));
  const text = Buffer.alloc(262_144, program);
  return { text, random: randomBytes(text.length), zeros: new Uint8Array(text.length) };
}

function handshake(): void {
  for (const { what, us } of benchHandshake()) {
    const rate = `${Math.round(1e6 / us)} / s`;
    console.log(
      `handshake  ${what.padEnd(62)} ${us.toFixed(1).padStart(9)} us ${rate.padStart(12)}`,
    );
  }
}

async function sockets(): Promise<void> {
  const rows = await benchSockets(200);
  for (const row of rows) {
    const peer = rows.find(({ backend, most }) => backend === 'portable' && most === row.most);
    const gigabits = ({ bytes, seconds }: { bytes: number; seconds: number }) =>
      (bytes * 8) / seconds / 1e9;
    const busy = (seconds: number) => `${((seconds / row.seconds) * 100).toFixed(0)} %`;
    const ratio = peer && peer !== row ? `x ${(gigabits(row) / gigabits(peer)).toFixed(2)}` : '';
    console.log(
      `sockets    ${row.backend.padEnd(9)} packets of ${String(row.mtu).padStart(4)} bytes: ` +
        `${gigabits(row).toFixed(2).padStart(6)} Gbit/s, sender ${busy(row.sendingCpuS)} ` +
        `of a core, receiver ${busy(row.receivingCpuS)} ${ratio}`.trimEnd(),
    );
  }
}

async function veth(): Promise<void> {
  for (const row of await benchVeth(200)) {
    const megabytes = (row.bytes / 1e6 / row.seconds).toFixed(0).padStart(4);
    console.log(
      `veth       ${row.backend.padEnd(9)} ${row.joined ? 'joined' : 'alone '} packets: ` +
        `${megabytes} MB/s, sender ${row.sendingCpuS.toFixed(2)} s of a core, ` +
        `receiver ${row.receivingCpuS.toFixed(2)} s`,
    );
  }
}

const PARTS: Record<string, () => Promise<void> | void> = {
  ...{ crypto, session, compression, handshake, sockets, veth },
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  const parts = Object.keys(PARTS).join(', ');
  console.error(`bench:transfer: no part ${unknown.join(', ')}; there are ${parts}`);
  process.exit(1);
}
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}`);
for (const [name, bench] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(name)) await bench();
}
