/** A page that has one bundle and nothing else, on an origin of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'vite';

/** Serves the page until it is closed. */
export class BundlePage {
  readonly url: string;
  readonly #website: Server;

  private constructor(website: Server) {
    this.#website = website;
    this.url = `http://127.0.0.1:${(website.address() as AddressInfo).port}/`;
  }

  /** @param entry path of the module that the page runs */
  static async serve(entry: string): Promise<BundlePage> {
    const lib = { entry, formats: ['es' as const], fileName: 'client' };
    const built = await build({
      configFile: false,
      logLevel: 'silent',
      build: { write: false, lib, target: 'es2023', minify: false },
    });
    const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
      'output' in one ? one.output : [],
    );
    const files = new Map(
      outputs.map((file) => [
        `/${file.fileName}`,
        'code' in file ? file.code : String(file.source),
      ]),
    );
    const website = createServer(({ url = '/' }, response) => {
      const code = files.get(url);
      response.setHeader('Content-Type', code === undefined ? 'text/html' : 'text/javascript');
      response.end(code ?? '<!doctype html><script type="module" src="/client.js"></script>');
    });
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
    return new BundlePage(website);
  }

  close(): void {
    this.#website.closeAllConnections();
    this.#website.close();
  }
}
