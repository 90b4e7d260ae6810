/**
 * Questions to the proxy, which watches and sends transactions of other chains. Reference: RAIDA
 * section 9.
 */
import { EffectKind, EffectStatus } from "../../core/layout";
import { Status } from "../../core/status";
import { Outcome } from "../context";
import * as effects from "../effects";

/** Commands of group 11 that the proxy knows. */
export const enum ProxyCommand {
  SEND_TRANSACTION = 113,
  GET_RATE = 114,
  WATCH_FOR_TRANSACTION = 115,
}

/** The wire status, ahead of the payload of an answer. */
const STATUS_BYTES: u32 = 4;

/** Asks with the `bytes` bytes at effects.contentAt(); the effect is open. */
export function askProxy(command: ProxyCommand, bytes: u32): Outcome {
  effects.setMode(command, 0);
  effects.setContent(bytes);
  return effects.ask(EffectKind.ASK_PROXY);
}

/** Asks to send a transaction. */
export function askToSend(bytes: u32): Outcome {
  return askProxy(ProxyCommand.SEND_TRANSACTION, bytes);
}

/** What the proxy said: its own status; 180: nobody answered; 187: that was no answer. */
export function proxyStatus(): Status {
  if (effects.status == EffectStatus.UNREACHABLE) return Status.PROXY_CONNECT;
  if (effects.status != EffectStatus.OK || effects.bytes < STATUS_BYTES) return Status.PROXY;
  const status = load<u32>(effects.result());
  // OK is no answer of a proxy's, and would read as done.
  return status == Status.OK || status > 255 ? Status.PROXY : <Status>status;
}

/** The payload of an answer whose status is the proxy's own. */
export function proxyPayload(): usize {
  return effects.result() + STATUS_BYTES;
}
export function proxyPayloadBytes(): u32 {
  return effects.bytes < STATUS_BYTES ? 0 : effects.bytes - STATUS_BYTES;
}
