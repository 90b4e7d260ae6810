/** What page and worker say to each other about files that are sent and received (messages.ts). */

import type { Way } from '@andvari/host-common/transfer/far-end';

/** Why something did not come about. */
export interface FaultView {
  /** ANDVARI_… */
  readonly code: string;
  /** One sentence of whoever found it; the page has better ones for what happens often. */
  readonly message: string;
}

/** What is shown of both directions. */
interface MoveView {
  /** Bytes that are there; of a file that is read first, that have been read. */
  readonly doneBytes: number;
  /** Bytes a second. */
  readonly rate: number;
  /** Undefined: nobody knows. */
  readonly secondsLeft?: number;
  /** How packets go to the other side; undefined: nobody is there. */
  readonly way?: Way;
  /** Undefined: nobody knows. */
  readonly roundTripMs?: number;
  readonly paused: boolean;
  /** The connection to the relay is lost; it is tried again by itself. */
  readonly relayLost: boolean;
  /** Sixteen letters that both sides see. */
  readonly authenticationString?: string;
  /** BLAKE3, hex: of what has arrived. */
  readonly hash?: string;
  readonly fault?: FaultView;
}

export interface SendView extends MoveView {
  readonly name: string;
  readonly size: number;
  /**
   * `reading`: its hash is made. `waiting`: for whoever has the code; `fault` then says what became
   * of the last one. `asked`: somebody came, and decides. `failed`: for good.
   */
  readonly stage: 'reading' | 'joining' | 'waiting' | 'asked' | 'sending' | 'done' | 'failed';
  /** As `andvari receive` takes it. */
  readonly code?: string;
}

export interface ReceiveView extends MoveView {
  /** `asking`: the person decides. `whole`: all is here, verified. `failed`: what came is kept. */
  readonly stage: 'calling' | 'asking' | 'receiving' | 'whole' | 'failed';
  readonly code: string;
  /** As the sender calls it. */
  readonly name?: string;
  readonly size?: number;
  /** Of what is kept in this browser. */
  readonly key?: string;
  /** The sender has left the relay; it may come back. */
  readonly senderGone: boolean;
}

/** A file in this browser's storage, whole or as far as it has come. */
export interface KeptView {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly bytes: number;
  readonly isWhole: boolean;
}

export interface TransferView {
  readonly send?: SendView;
  readonly receive?: ReceiveView;
  /** But for the one that is received now. */
  readonly kept: readonly KeptView[];
}

export type Side = 'send' | 'receive';

export interface TransferMethods {
  /** Tells of every change, first of how things are, until it is cancelled. */
  transferWatch: { params: null; result: null; progress: TransferView };
  /** `relay`: as the user typed it. Resolves when it has begun. */
  transferSend: {
    params: { readonly file: File; readonly relay: string };
    result: null;
    progress: never;
  };
  /** Looks what a code is for; nothing is taken yet. Resolves when it has begun. */
  transferFetch: { params: { readonly code: string }; result: null; progress: never };
  transferDecide: { params: { readonly accept: boolean }; result: null; progress: never };
  transferPause: {
    params: { readonly side: Side; readonly pause: boolean };
    result: null;
    progress: never;
  };
  /** Gives it up if it is under way, and shows it no more. What has come is kept. */
  transferEnd: { params: { readonly side: Side }; result: null; progress: never };
  /** What is kept, to be saved: bytes stay on the disk. */
  transferKept: { params: { readonly key: string }; result: File; progress: never };
  transferForget: { params: { readonly key: string }; result: null; progress: never };
}
