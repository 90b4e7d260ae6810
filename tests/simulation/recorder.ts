/**
 * Writes down what happens in a run: every packet and what became of it, every event of a session,
 * every incident. It has the keys of all sessions, so that it can say what is in a packet; the run
 * is the same with it as without.
 */
import type { Engine } from '../../host-common/src/engine/engine.ts';
import { Region } from '../../host-common/src/engine/generated/layout.ts';
import {
  FrameFlag,
  FrameHead,
  FrameType,
  PacketVerdict,
  TransferEventKind,
} from '../../host-common/src/engine/generated/transfer.ts';
import {
  EngineTransfer,
  type OpenOptions,
  type PacketOut,
  type TransferEventOf,
} from '../../host-common/src/transfer/engine-transfer.ts';
import {
  FIRST_BYTES,
  Marker,
  markerOf,
} from '../../host-common/src/transfer/handshake-messages.ts';
import { nameOfAddress, type Passage } from './network.ts';

/** One line of a trace. `us`: microseconds since the start. */
export type TraceLine = PacketLine | EventLine | IncidentLine;

export interface PacketLine extends Partial<Frame> {
  us: number;
  event: 'packet';
  /** Numbers of nodes; undefined: nobody of the run, whose address is in `source`. */
  from: number | undefined;
  to: number | undefined;
  source: string;
  target: string;
  bytes: number;
  fate: Passage['fate'];
  damaged: boolean;
  arrivalsUs: number[];
  /** Handshake messages by their names, frames by theirs. */
  kind: string;
}

export interface EventLine {
  us: number;
  event: 'session';
  node: number;
  session: number;
  kind: string;
  stream: number;
  number: number;
  value: number;
  code: number;
}

export interface IncidentLine {
  us: number;
  event: 'incident';
  kind: string;
  node: number | undefined;
  /** Of a jump or a sleep. */
  byUs: number | undefined;
}

/** What is in a packet of a session. */
export interface Frame {
  kind: string;
  session: number;
  epoch: number;
  number: number;
  stream: number;
  offset: number;
  length: number;
  fin: boolean;
  /** Numbers acked, newest first: first and last of each range; `acksEpoch`: whose. */
  acks: [number, number][] | undefined;
  acksEpoch: number | undefined;
}

const CID_BYTES = 8;
/** Paths beyond those that packets came by so far which the next packet may be of. */
const PATHS_AHEAD = 8;
const TAG_BYTES = 16;

const FRAME_NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name]),
);
const EVENT_NAMES = new Map<number, string>(
  Object.entries(TransferEventKind).map(([name, kind]) => [kind, name]),
);

/** Who opens the packets that one session sends. */
interface Reader {
  entry: number;
  epoch: number;
  /** The path of the epoch up to which CIDs are known, and two more. */
  path: number;
}

/** An engine's face that lets the recorder see keys and events. */
class WatchedTransfer extends EngineTransfer {
  onOpen: ((handle: number, options: OpenOptions) => void) | undefined;
  onSecret: ((handle: number, secret: Uint8Array) => void) | undefined;
  onEvent: ((event: TransferEventOf) => void) | undefined;

  override open(options: OpenOptions): number | undefined {
    const handle = super.open(options);
    if (handle !== undefined) this.onOpen?.(handle, options);
    return handle;
  }

  override rekeySecret(session: number, secret: Uint8Array): boolean {
    this.onSecret?.(session, secret);
    return super.rekeySecret(session, secret);
  }

  override drain(take: (event: TransferEventOf) => void): void {
    super.drain((event) => {
      this.onEvent?.(event);
      take(event);
    });
  }
}

export class Recorder {
  readonly lines: TraceLine[] = [];
  private readonly engine: Engine;
  private readonly area: number;
  private readonly readers = new Map<string, Reader>();
  private readonly transfers: WatchedTransfer[] = [];
  /** Which host has, or had, an address. */
  private readonly hosts = new Map<string, number>();
  /** Who answered with a CID, and who has called whom. */
  private readonly handshakeCids = new Map<string, string>();
  private readonly called = new Set<string>();
  private readonly startUs: number;
  private frame: Frame | undefined;

  /** `engine`: one of its own. `startUs`: when the run begins. */
  constructor(engine: Engine, startUs: number) {
    this.engine = engine;
    this.area = engine.region(Region.LARGE_FRAMES);
    this.startUs = startUs;
  }

  /** The face of a host's engine, which the run has to use. */
  transfer(host: number, engine: Engine, time: () => number, nowUs: () => number): EngineTransfer {
    const transfer = new WatchedTransfer(engine, time);
    transfer.onOpen = (handle, options) => this.opened(`${host}/${handle}`, options);
    transfer.onSecret = (handle, secret) => this.rekeyed(`${host}/${handle}`, secret);
    transfer.onEvent = (event) => this.told(nowUs(), host, event);
    this.transfers[host] = transfer;
    return transfer;
  }

  /** A host is at an address from now on. */
  at(address: Uint8Array, host: number): void {
    this.hosts.set(nameOfAddress(address), host);
  }

  incident(nowUs: number, kind: string, node?: number, byUs?: number): void {
    this.lines.push({ us: nowUs - this.startUs, event: 'incident', kind, node, byUs });
  }

  private told(nowUs: number, node: number, event: TransferEventOf): void {
    const { session, stream, number, value, code } = event;
    const kind = EVENT_NAMES.get(event.kind) ?? String(event.kind);
    const us = nowUs - this.startUs;
    this.lines.push({ us, event: 'session', node, session, kind, stream, number, value, code });
  }

  private opened(name: string, { k1, k2, handshakeHash, initiator, ...more }: OpenOptions): void {
    const keys = new Uint8Array([...k1, ...k2, ...handshakeHash]);
    this.engine.u8.set(keys, this.area);
    const { packetsStart } = this.engine.exports;
    const entry = packetsStart(this.area, initiator ? 0 : 1, more.headerProtection ? 1 : 0);
    this.readers.set(name, { entry, epoch: 0, path: 0 });
  }

  private rekeyed(name: string, secret: Uint8Array): void {
    const reader = this.readers.get(name);
    if (!reader || secret.every((byte) => byte === 0)) return;
    this.engine.u8.set(secret, this.area);
    this.engine.exports.packetsRekey(reader.entry, this.area, ++reader.epoch);
    reader.path = 0;
  }

  /** A packet of a session is about to go; passage() tells what becomes of it. */
  packet(host: number, { bytes, session }: PacketOut): void {
    const epoch = this.transfers[host]?.statistics(session)?.EPOCH ?? 0;
    const frame = this.open(`${host}/${session}`, bytes);
    this.frame = frame && { ...readFrame(frame, epoch), session };
  }

  private open(name: string, packet: Uint8Array): Uint8Array | undefined {
    const reader = this.readers.get(name);
    if (!reader) return undefined;
    const { u8, exports } = this.engine;
    for (let ahead = 0; ahead <= PATHS_AHEAD; ahead++) {
      // A side moves by some paths at once: one it takes may be the other side's, or have failed.
      if (ahead) exports.packetsMove(reader.entry, ++reader.path);
      u8.set(packet, this.area);
      const verdict = exports.packetsOpen(reader.entry, this.area, packet.length);
      if (verdict !== PacketVerdict.TAKEN) continue;
      return u8.slice(this.area + CID_BYTES, this.area + packet.length - TAG_BYTES);
    }
    return undefined;
  }

  passage(nowUs: number, { fate, bytes, from, to, arrivalsUs, damaged }: Passage): void {
    const [source, target] = [nameOfAddress(from), nameOfAddress(to)];
    const { frame } = this;
    this.frame = undefined;
    this.lines.push({
      us: nowUs - this.startUs,
      event: 'packet',
      from: this.hosts.get(source),
      to: this.hosts.get(target),
      source,
      target,
      bytes: bytes.length,
      fate,
      damaged,
      arrivalsUs: arrivalsUs.map((us) => us - this.startUs),
      ...(frame ?? { kind: this.handshakeKind(bytes, source, target) }),
    });
  }

  /** What a packet is that belongs to no session. */
  private handshakeKind(bytes: Uint8Array, source: string, target: string): string {
    const marker = markerOf(bytes);
    if (marker === Marker.RETRY) return 'RETRY';
    if (marker === Marker.VERSION) return 'VERSIONS';
    if (bytes.length < FIRST_BYTES) return 'OTHER';
    // Message 3 has the CID of message 2, which answers a message 1; else it is a masked message 1.
    const cid = bytes.subarray(0, CID_BYTES).join();
    if (this.handshakeCids.get(cid) === target) return 'MESSAGE_3';
    if (this.handshakeCids.get(cid) === source) return 'MESSAGE_2';
    if (marker !== Marker.FIRST && this.called.has(`${target} ${source}`)) {
      this.handshakeCids.set(cid, source);
      return 'MESSAGE_2';
    }
    this.called.add(`${source} ${target}`);
    return 'MESSAGE_1';
  }

  /** One line of JSON each, the first about the run itself. */
  ndjson(run: object): string {
    const all = [{ us: 0, event: 'run', ...run }, ...this.lines];
    return `${all.map((line) => JSON.stringify(line)).join('\n')}\n`;
  }
}

function readFrame(bytes: Uint8Array, epoch: number): Omit<Frame, 'session'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint8(FrameHead.TYPE);
  const flags = view.getUint8(FrameHead.FLAGS);
  const offset = Number(view.getBigUint64(FrameHead.OFFSET));
  const isAck = type === FrameType.ACK;
  // In REKEY the flag means an answer.
  const acks =
    isAck || (flags & FrameFlag.ACK && type !== FrameType.REKEY) ? readAcks(view) : undefined;
  return {
    kind: FRAME_NAMES.get(type) ?? `TYPE_${type.toString(16)}`,
    epoch,
    number: view.getUint32(FrameHead.SEQUENCE),
    stream: view.getUint16(FrameHead.STREAM),
    offset,
    length: view.getUint16(FrameHead.PAYLOAD_LENGTH),
    fin: (flags & FrameFlag.FIN) !== 0,
    acks,
    acksEpoch: acks && (isAck ? offset : epoch),
  };
}

/** The ranges of an ACK block (section 1.4), newest first. */
function readAcks(view: DataView): [number, number][] {
  const at = FrameHead.BYTES;
  let last = view.getUint32(at);
  let first = last - view.getUint32(at + 7);
  const ranges: [number, number][] = [[first, last]];
  for (let i = 0; i < view.getUint8(at + 6); i++) {
    last = first - view.getUint16(at + 11 + 4 * i) - 1;
    first = last - view.getUint16(at + 13 + 4 * i) + 1;
    ranges.push([first, last]);
  }
  return ranges;
}
