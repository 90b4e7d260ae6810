/** The thread of PeerThread: the peer nodes of a network, whose work holds up no server. */
import { parentPort, workerData } from 'node:worker_threads';
import { type MeshOptions, PeerMesh } from './peer-mesh.ts';
import type { FromPeerThread, ToPeerThread } from './peer-thread-messages.ts';

const ROWS_MS = 1000;

const port = parentPort;
if (!port) throw new Error('this is the entry of a thread');
const post = (message: FromPeerThread) => port.postMessage(message);

function failureOf(error: unknown): { code: string; message: string } {
  const { code = 'ANDVARI_INTERNAL', message } = error as Error & { code?: string };
  return { code, message };
}

type Question = Extract<ToPeerThread, { kind: 'ask' | 'admit' }>;

async function answerOf(mesh: PeerMesh, question: Question): Promise<object> {
  if (question.kind === 'ask') return mesh.ask(question.raidaId, question.request);
  mesh.admit(question.peerId, question.key);
  return {};
}

async function run(): Promise<void> {
  const mesh = await PeerMesh.start(workerData as MeshOptions);
  const timer = setInterval(() => post({ kind: 'rows', rows: mesh.rows() }), ROWS_MS);
  port?.on('message', async (message: ToPeerThread) => {
    if (message.kind === 'stop') {
      clearInterval(timer);
      await mesh.stop();
      port.close();
    } else if (message.kind === 'numbers') {
      await mesh.tell(message.numbers).catch((error: unknown) => {
        post({ kind: 'trouble', failure: failureOf(error) });
      });
    } else {
      const { id } = message;
      try {
        post({ kind: 'answer', id, answer: await answerOf(mesh, message) });
      } catch (error) {
        post({ kind: 'answer', id, failure: failureOf(error) });
      }
    }
  });
  post({ kind: 'started', addresses: mesh.addresses, rows: mesh.rows() });
}

run().catch((error: unknown) => {
  post({ kind: 'failed', failure: failureOf(error) });
  port.close();
});
