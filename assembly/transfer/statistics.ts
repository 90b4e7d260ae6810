/** What transferStatistics() tells of a session (core/transfer.ts, TransferStatistic). */
import { TransferStatistic } from "../core/transfer";
import { bandwidth, congestionState, congestionWindow, pacingRate } from "./bbr";
import { sendingEpoch } from "./epoch";
import { mtu } from "./mtu";
import { bytesInFlight, Recovery, recoveryWord } from "./recovery-state";
import { sessionState } from "./session";
import { Head } from "./session-head";
import { Part, partOf } from "./stream";

/** Writes the figures, u64 each, to `out`. */
export function writeStatistics(session: usize, out: usize): void {
  memory.fill(out, 0, TransferStatistic.BYTES);
  store<u64>(out, load<u64>(session, Head.PACKETS_SENT), TransferStatistic.PACKETS_SENT);
  store<u64>(out, load<u64>(session, Head.PACKETS_RECEIVED), TransferStatistic.PACKETS_RECEIVED);
  store<u64>(out, load<u64>(session, Head.BYTES_SENT), TransferStatistic.BYTES_SENT);
  store<u64>(out, load<u64>(session, Head.BYTES_RECEIVED), TransferStatistic.BYTES_RECEIVED);
  store<u64>(out, recoveryWord(session, Recovery.PACKETS_LOST), TransferStatistic.PACKETS_LOST);
  store<u64>(out, recoveryWord(session, Recovery.SMOOTHED), TransferStatistic.ROUND_TRIP_US);
  const variation = recoveryWord(session, Recovery.VARIATION);
  store<u64>(out, variation, TransferStatistic.ROUND_TRIP_VARIATION_US);
  store<u64>(out, recoveryWord(session, Recovery.LEAST), TransferStatistic.ROUND_TRIP_LEAST_US);
  store<u64>(out, recoveryWord(session, Recovery.LATEST), TransferStatistic.ROUND_TRIP_LATEST_US);
  store<u64>(out, congestionWindow(session), TransferStatistic.CONGESTION_WINDOW);
  store<u64>(out, bytesInFlight(session), TransferStatistic.IN_FLIGHT);
  store<u64>(out, pacingRate(session), TransferStatistic.PACING_RATE);
  store<u64>(out, bandwidth(session), TransferStatistic.BANDWIDTH);
  store<u64>(out, mtu(session), TransferStatistic.MTU);
  store<u64>(out, sendingEpoch(session), TransferStatistic.EPOCH);
  store<u64>(out, sessionState(session), TransferStatistic.STATE);
  store<u64>(out, congestionState(session), TransferStatistic.CONGESTION_STATE);
  store<u64>(out, recoveryWord(session, Recovery.PROBES_SENT), TransferStatistic.PROBES_SENT);
  const part = partOf(session);
  store<u64>(out, load<u64>(part, Part.SENT_SUM), TransferStatistic.DATA_SENT);
  store<u64>(out, load<u64>(part, Part.SEND_LIMIT), TransferStatistic.DATA_LIMIT);
  store<u64>(out, load<u64>(part, Part.RECEIVED_SUM), TransferStatistic.DATA_RECEIVED);
  store<u64>(out, load<u64>(part, Part.GRANTED), TransferStatistic.DATA_GRANTED);
}
