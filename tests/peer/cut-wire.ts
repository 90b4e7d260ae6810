/** A way to a TCP listener that a test cuts, and mends again. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { stopAfterTest } from './nodes.ts';

export class CutWire {
  /** Where it is entered. */
  port = 0;
  private isCut = false;
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((socket) => this.accept(socket));
  private readonly farPort: number;

  private constructor(farPort: number) {
    this.farPort = farPort;
  }

  /** To a port of this machine; the test's end stops it. */
  static async to(farPort: number): Promise<CutWire> {
    const wire = new CutWire(farPort);
    wire.server.listen(0, '127.0.0.1');
    await once(wire.server, 'listening');
    wire.port = (wire.server.address() as { port: number }).port;
    return stopAfterTest(wire);
  }

  /** Who is on it is cut off, and nobody comes through. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  stop(): void {
    this.cut();
    this.server.close();
  }

  private accept(near: Socket): void {
    if (this.isCut) {
      near.destroy();
      return;
    }
    const far = connect(this.farPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket);
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
