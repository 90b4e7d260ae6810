/** A thread of a stress: it says `ready`, then posts one report and ends. */
import { Worker } from 'node:worker_threads';

export interface Thread<T> {
  thread: Worker;
  isReady: Promise<void>;
  report: Promise<T>;
}

export function startThread<T>(url: URL, workerData: unknown): Thread<T> {
  const thread = new Worker(url, { workerData });
  const { promise: isReady, resolve: ready } = Promise.withResolvers<void>();
  const report = new Promise<T>((resolve, reject) => {
    thread.on('message', (message) => (message === 'ready' ? ready() : resolve(message)));
    thread.on('error', reject);
    thread.on('exit', (code) => reject(new Error(`${url.pathname} ended with code ${code}`)));
  });
  return { thread, isReady, report };
}
