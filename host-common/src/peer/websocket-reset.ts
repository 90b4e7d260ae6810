/**
 * libp2p's WebSocket transport resets a connection with code 1006, which nobody may send: the call
 * throws, libp2p only logs that, and the socket stays open until a ping fails. Here it is closed.
 */
import type { Libp2pOptions } from 'libp2p';

export type TransportFactory = NonNullable<Libp2pOptions['transports']>[number];
type Transport = ReturnType<TransportFactory>;
type Upgrader = Parameters<Transport['dial']>[1]['upgrader'];

/** What a raw connection of that transport has; `terminate` is that of the server's sockets. */
interface RawWebSocket {
  websocket: { close(): void; terminate?(): void };
  sendReset(): void;
}

/** @param factory webSockets() of libp2p */
export function withReset(factory: TransportFactory): TransportFactory {
  return (components) => {
    const transport = factory(components);
    const { dial, createListener } = transport;
    transport.dial = (address, options) =>
      dial.call(transport, address, { ...options, upgrader: resetting(options.upgrader) });
    transport.createListener = (options) =>
      createListener.call(transport, { ...options, upgrader: resetting(options.upgrader) });
    return transport;
  };
}

function resetting(upgrader: Upgrader): Upgrader {
  return {
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    upgradeInbound: (raw, options) => upgrader.upgradeInbound(mended(raw), options),
    upgradeOutbound: (raw, options) => upgrader.upgradeOutbound(mended(raw), options),
  };
}

function mended<Raw>(raw: Raw): Raw {
  const socket = raw as RawWebSocket;
  socket.sendReset = () => {
    if (socket.websocket.terminate) socket.websocket.terminate();
    else socket.websocket.close();
  };
  return raw;
}
