/** Serves the page of the cases on loopback and waits for what it posts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { type Case, emitLines, parseLines, type Result } from '../case.ts';

const ENTRY = fileURLToPath(new URL('./page.ts', import.meta.url));
/** Longer than any browser takes; it only ends a hang. */
const PATIENCE_MS = 120_000;

/** The page's script, in one piece. */
async function script(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      lib: { entry: ENTRY, formats: ['es'], fileName: 'page' },
      target: 'es2023',
      minify: false,
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  const [page] = outputs.flatMap((file) => ('code' in file ? [file.code] : []));
  if (page === undefined) throw new Error('the page has no script');
  return page;
}

/**
 * Has `open` open the page in a browser, and gives its results. What `open` gives closes the
 * browser again, whatever happens.
 * @throws Error: the page failed, or says nothing within two minutes
 */
export async function resultsOfPage(
  cases: readonly Case[],
  open: (url: string) => Promise<() => Promise<void>>,
): Promise<Result[]> {
  const code = await script();
  const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
  const website = createServer((request, response) => {
    answer(request, response, { code, cases, resolve, reject }).catch(reject);
  });
  await new Promise<void>((ready) => website.listen(0, '127.0.0.1', ready));
  const timer = setTimeout(() => reject(new Error('the page says nothing')), PATIENCE_MS);
  let close: (() => Promise<void>) | undefined;
  try {
    const opened = open(`http://127.0.0.1:${(website.address() as AddressInfo).port}/`);
    opened.catch(reject);
    close = await opened;
    return await promise;
  } finally {
    clearTimeout(timer);
    await close?.();
    await end(website);
  }
}

function end(website: Server): Promise<void> {
  website.closeAllConnections();
  return new Promise((resolve) => website.close(() => resolve()));
}

interface Exchange {
  code: string;
  cases: readonly Case[];
  resolve(results: Result[]): void;
  reject(error: Error): void;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { code, cases, resolve, reject }: Exchange,
): Promise<void> {
  const give = (type: string, body: string) => {
    response.setHeader('Content-Type', `${type}; charset=utf-8`).end(body);
  };
  switch (request.url) {
    case '/':
      return give('text/html', '<!doctype html><script type="module" src="/page.js"></script>');
    case '/page.js':
      return give('text/javascript', code);
    case '/cases':
      return give('text/plain', emitLines(cases));
    case '/results':
      resolve(parseLines<Result>(await text(request)));
      return give('text/plain', '');
    case '/failure':
      reject(new Error(await text(request)));
      return give('text/plain', '');
    default:
      response.statusCode = 404;
      response.end();
  }
}
