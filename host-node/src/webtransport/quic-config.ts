/** What QUIC is told on both sides: protocol, windows, streams, datagrams. */
import {
  CONNECTION_WINDOW_BYTES,
  DATAGRAMS_MAX,
  IDLE_TIMEOUT_MS,
  RECEIVE_PAYLOAD_BYTES,
  SEND_PAYLOAD_BYTES,
  STREAM_WINDOW_BYTES,
  STREAMS_MAX,
} from './limits.ts';
import type { QuicConfig } from './quic-binding.ts';

/** What QUIC is told at the start of each connection, but for the certificate. */
export function configure(config: QuicConfig): QuicConfig {
  config.setApplicationProtos(['h3']);
  config.setMaxIdleTimeout(IDLE_TIMEOUT_MS);
  config.setMaxRecvUdpPayloadSize(RECEIVE_PAYLOAD_BYTES);
  config.setMaxSendUdpPayloadSize(SEND_PAYLOAD_BYTES);
  config.setInitialMaxData(CONNECTION_WINDOW_BYTES);
  config.setInitialMaxStreamDataBidiLocal(STREAM_WINDOW_BYTES);
  config.setInitialMaxStreamDataBidiRemote(STREAM_WINDOW_BYTES);
  config.setInitialMaxStreamDataUni(STREAM_WINDOW_BYTES);
  // QUIC would let windows grow to 24 and 16 MiB.
  config.setMaxConnectionWindow(CONNECTION_WINDOW_BYTES);
  config.setMaxStreamWindow(STREAM_WINDOW_BYTES);
  config.setInitialMaxStreamsBidi(STREAMS_MAX);
  config.setInitialMaxStreamsUni(STREAMS_MAX);
  config.setDisableActiveMigration(true);
  config.enableDgram(true, DATAGRAMS_MAX, DATAGRAMS_MAX);
  // Packets leave when QUIC gives them; there is nothing here that would hold them back in time.
  config.enablePacing(false);
  // quiche notes a packet's time by its pacer's clock, also without pacing. With CUBIC that clock
  // stands for 2.9 measured round trips when the window is small: each measure is longer than the
  // last, and over a path with losses a connection soon waits for seconds, then dies.
  config.setCcAlgorithmName('bbr');
  return config;
}
