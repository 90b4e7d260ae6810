import { css, html, LitElement, nothing } from 'lit';
import { Light, type PeerView, type ServerView } from '../worker/views.ts';
import { LIGHT_SHAPES } from './light-shapes.ts';
import { lightStyles } from './light-styles.ts';
import { countRoots, tileLines } from './peer-lines.ts';
import { PEER_TITLE, peersSummary, peerWords } from './peer-words.ts';
import { sharedStyles } from './shared-styles.ts';
import { setLight } from './task.ts';
import { tileStyles } from './tile-styles.ts';

/** What the page knows of one server: asked or not, and the time its answer took. */
export interface ServerState {
  readonly raidaId: number;
  readonly light: Light;
  readonly elapsedMs: number | null;
}

/** The 25 servers: which answer an echo, and how fast. Fires `ask-servers`. */
export class AndvariServers extends LitElement {
  static override properties = {
    servers: { attribute: false },
    peers: { attribute: false },
    busy: { type: Boolean },
  };
  static override styles = [
    sharedStyles,
    lightStyles,
    tileStyles,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.5rem 1rem;
        margin-bottom: 0.8rem;
      }
    `,
  ];

  declare servers: readonly ServerState[];
  /** How they see each other; undefined: nobody has said. */
  declare peers: readonly PeerView[] | undefined;
  declare busy: boolean;

  constructor() {
    super();
    this.servers = [];
    this.peers = undefined;
    this.busy = false;
  }

  protected override render() {
    return html`<section aria-labelledby="title">
      <div class="head">
        <div>
          <h2 id="title">The servers</h2>
          <p class="soft number" data-testid="servers-summary">${serversSummary(this.servers)}</p>
          ${
            this.peers === undefined
              ? nothing
              : html`<p class="soft number" data-testid="peers-summary">
                  ${peersSummary(this.peers)}
                </p>`
          }
        </div>
        <button
          type="button"
          ?disabled=${this.busy}
          data-testid="ask-servers"
          @click=${() => this.dispatchEvent(new CustomEvent('ask-servers'))}
        >
          Ask again
        </button>
      </div>
      <ol class="strip">
        ${this.servers.map(
          (server) => html`<li
            class="number"
            data-testid="server"
            data-server=${server.raidaId}
            data-light=${server.light}
          >
            <svg viewBox="0 0 14 14" aria-hidden="true">${LIGHT_SHAPES[server.light]}</svg>
            <span class="id"><span class="for-reader">Server </span>${server.raidaId}</span>
            <span class="ms">${wordsOf(server)}</span>
            ${this.#peer(server.raidaId)}
          </li>`,
        )}
      </ol>
      ${countRoots(this.peers ?? [])}
    </section>`;
  }

  #peer(raidaId: number) {
    const peer = this.peers?.find((one) => one.raidaId === raidaId);
    if (peer === undefined) return nothing;
    return html`<span class="ms peer" data-testid="peer" title=${PEER_TITLE}>
      ${tileLines(peerWords(peer))}
    </span>`;
  }
}

function wordsOf({ light, elapsedMs }: ServerState): string {
  if (elapsedMs !== null)
    return elapsedMs < 10 ? `${elapsedMs.toFixed(1)} ms` : `${Math.round(elapsedMs)} ms`;
  if (light === Light.PENDING) return 'asking';
  if (light === Light.PASS) return 'answers';
  return light === Light.UNTRIED ? 'not asked' : 'silent';
}

/** The servers as one Light character for each RAIDA id; unknown ones as never asked. */
export function lightsOf(servers: readonly ServerState[]): string {
  return servers.reduce(
    (lights, { raidaId, light }) => setLight(lights, raidaId, light),
    Light.UNTRIED.repeat(25),
  );
}

/** The servers after an echo of one of them, also one that was not known before. */
export function withAnswer(
  servers: readonly ServerState[],
  { raidaId, elapsedMs }: ServerView,
): readonly ServerState[] {
  const light = elapsedMs === null ? Light.SILENT : Light.PASS;
  const others = servers.filter((server) => server.raidaId !== raidaId);
  return [...others, { raidaId, light, elapsedMs }].sort((a, b) => a.raidaId - b.raidaId);
}

/** The servers with what a task has learnt of them: `lights` is 25 Light characters. */
export function withTask(servers: readonly ServerState[], lights: string): readonly ServerState[] {
  return servers.map((server) => {
    const light = lights.charAt(server.raidaId);
    if (light === server.light || (light !== Light.PASS && light !== Light.SILENT)) return server;
    return { raidaId: server.raidaId, light, elapsedMs: null };
  });
}

/** `24 of 25 answer, 3.1 ms in the middle.` */
export function serversSummary(servers: readonly ServerState[]): string {
  if (servers.some((server) => server.light === Light.PENDING)) return 'Asking the servers…';
  if (servers.every((server) => server.light === Light.UNTRIED)) return 'Not asked yet.';
  const times = servers.flatMap((server) => server.elapsedMs ?? []).sort((a, b) => a - b);
  const count = servers.filter((server) => server.light === Light.PASS).length;
  const answered = `${count} of ${servers.length} answer`;
  const middle = times[times.length >> 1];
  return middle === undefined
    ? `${answered}.`
    : `${answered}, ${middle.toFixed(1)} ms in the middle.`;
}

customElements.define('andvari-servers', AndvariServers);
