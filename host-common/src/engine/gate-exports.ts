/**
 * What the module exports of the gate of peers; meanings in assembly/peer/gate-exports.ts. A time
 * is two words of milliseconds since the epoch, low first.
 */
export interface GateExports {
  peerGateStart(target: number, requests: number, broadcasts: number): number;
  peerGateDial(nowLow: number, nowHigh: number): number;
  peerGateAccept(address: number, nowLow: number, nowHigh: number): number;
  peerGateOpen(handle: number, nowLow: number, nowHigh: number): number;
  peerGateClose(handle: number, nowLow: number, nowHigh: number): number;
  peerGateNextClosing(nowLow: number, nowHigh: number): number;
  peerGateNextHandshake(nowLow: number, nowHigh: number): number;
  peerGateBegin(
    handle: number,
    kind: number,
    wire: number,
    nowLow: number,
    nowHigh: number,
  ): number;
  peerGateConclude(
    handle: number,
    kind: number,
    good: number,
    nowLow: number,
    nowHigh: number,
  ): number;
  peerGateReceive(handle: number, nowLow: number, nowHigh: number): number;
  peerGateSend(handle: number, nowLow: number, nowHigh: number): number;
  peerGateDirect(handle: number, nowLow: number, nowHigh: number): number;
  peerGateCountGossip(handle: number, nowLow: number, nowHigh: number): number;
  peerGateGossip(handle: number, nowLow: number, nowHigh: number): number;
  peerGateTick(nowLow: number, nowHigh: number): number;
  peerGateState(): number;
  peerGateBan(untilLow: number, untilHigh: number, nowLow: number, nowHigh: number): number;
  peerGateUnban(): number;
  peerGateBanAt(index: number): number;
  peerGateAllow(count: number, nowLow: number, nowHigh: number): number;
  peerGateParticipant(key: number): number;
}
