import { css, html, LitElement, nothing } from 'lit';
import type { MessageClient } from '../worker/message-client.ts';
import type { PeerPanelView, PeerRowView, PeerWords } from '../worker/peer/peer-messages.ts';
import { Light, type NetworkView } from '../worker/views.ts';
import { LIGHT_SHAPES } from './light-shapes.ts';
import { lightStyles } from './light-styles.ts';
import { countRoots, tileLines } from './peer-lines.ts';
import { ownPeersSummary, statusWords } from './peer-words.ts';
import { ratatoskrStyles } from './ratatoskr-styles.ts';
import { sharedStyles } from './shared-styles.ts';
import { textField, textFieldStyles } from './text-field.ts';
import { tileStyles } from './tile-styles.ts';
import { sentenceOf } from './wallet-session.ts';

const FIELDS = {
  address: 'Address (/ip4/…/tcp/…/ws/p2p/…)',
  key: 'Key of the peer, 64 hex digits',
  network: 'Network (name/instance)',
} as const satisfies Record<keyof PeerWords, string>;

const LIGHTS: Readonly<Record<PeerRowView['state'], Light>> = {
  connecting: Light.PENDING,
  verified: Light.PASS,
  failed: Light.FAIL,
};

/** This page's peer node: who it is, whom it has verified, and what they tell of themselves. */
export class AndvariPeerPanel extends LitElement {
  static override properties = {
    client: { attribute: false },
    network: { attribute: false },
    view: { state: true },
    words: { state: true },
    asking: { state: true },
  };
  static override styles = [
    sharedStyles,
    textFieldStyles,
    ratatoskrStyles,
    lightStyles,
    tileStyles,
    css`
      .strip {
        grid-template-columns: repeat(auto-fill, minmax(5.4rem, 1fr));
      }
      .failures {
        display: grid;
        gap: 0.3rem;
        font-size: 0.9rem;
      }
    `,
  ];

  declare client: MessageClient;
  declare network: NetworkView;
  declare view: PeerPanelView | undefined;
  /** One sentence on what went wrong. */
  declare words: string;
  declare asking: boolean;
  #leaving = new AbortController();

  constructor() {
    super();
    this.network = { serverIds: [], demo: false };
    this.words = '';
    this.asking = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#leaving = new AbortController();
    void this.#watch(this.#leaving.signal);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leaving.abort();
  }

  protected override render() {
    const peers = this.view?.peers ?? [];
    return html`<div class="card" data-testid="peer-panel" data-asking=${this.asking}>
      <p role="status" data-testid="peer-summary">${ownPeersSummary(peers)}</p>
      <p class="words" role="alert" data-testid="peer-words">${this.words}</p>
      ${this.#facts()} ${this.#form()}
      ${peers.length === 0 ? nothing : this.#tiles(peers)} ${countRoots(peers)}
      ${this.#failures(peers)}
    </div>`;
  }

  #facts() {
    if (this.view === undefined) return nothing;
    const { peerId, key, locked } = this.view;
    return html`<dl class="facts">
      <dt>Peer id of this page</dt>
      <dd data-testid="peer-id">${peerId}</dd>
      <dt>Its key, for the lists of others</dt>
      <dd data-testid="peer-key">${key}</dd>
      <dt>That key</dt>
      <dd>${locked ? 'can be read by no script' : 'is sealed like the coins'}</dd>
    </dl>`;
  }

  #form() {
    const offered = this.network.peerNetwork;
    const [first] = offered?.nodes ?? [];
    const values: PeerWords = {
      address: first?.address ?? '',
      key: first?.key ?? '',
      network: offered ? `${offered.networkName}/${offered.instanceId}` : '',
    };
    return html`<form @submit=${(event: Event) => this.#submit(event)}>
      ${(Object.keys(FIELDS) as (keyof PeerWords)[]).map((name) =>
        textField(`peer-${name}`, FIELDS[name], values[name]),
      )}
      <div class="buttons">
        <button class="primary" data-testid="peer-connect" ?disabled=${this.asking}>Connect</button>
        ${
          offered === undefined
            ? nothing
            : html`<button
                type="button"
                data-testid="peer-connect-all"
                ?disabled=${this.asking}
                @click=${() => this.#connectAll()}
              >
                Connect to all ${offered.nodes.length}
              </button>`
        }
        <button
          type="button"
          data-testid="peer-disconnect"
          ?disabled=${this.view === undefined || this.view.peers.length === 0}
          @click=${() => this.#disconnect()}
        >
          Disconnect
        </button>
      </div>
    </form>`;
  }

  #tiles(peers: readonly PeerRowView[]) {
    return html`<ol class="strip">
      ${peers.map(
        (peer) => html`<li
          class="number"
          data-testid="own-peer"
          data-peer=${peer.peerId}
          data-state=${peer.state}
          title=${peer.address}
        >
          <svg viewBox="0 0 14 14" aria-hidden="true">${LIGHT_SHAPES[LIGHTS[peer.state]]}</svg>
          <span class="id">${peer.raidaId ?? `…${peer.peerId.slice(-4)}`}</span>
          <span class="ms peer">
            <span>${peer.state}</span>
            ${tileLines(statusWords(peer.status))}
          </span>
        </li>`,
      )}
    </ol>`;
  }

  #failures(peers: readonly PeerRowView[]) {
    const failed = peers.filter(({ state }) => state === 'failed');
    if (failed.length === 0) return nothing;
    return html`<ul class="failures">
      ${failed.map(
        ({ peerId, raidaId, why }) => html`<li data-testid="peer-failure">
          ${raidaId === undefined ? peerId : `Server ${raidaId}`} failed: ${why}
        </li>`,
      )}
    </ul>`;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      await this.client.call('peerWatch', null, {
        signal,
        onProgress: (view) => {
          this.view = view;
        },
      });
    } catch (error) {
      this.words = sentenceOf(error);
    }
  }

  #submit(event: Event): void {
    event.preventDefault();
    const typed = (name: keyof PeerWords) =>
      this.renderRoot.querySelector<HTMLInputElement>(`#peer-${name}`)?.value ?? '';
    void this.#connect([
      { address: typed('address'), key: typed('key'), network: typed('network') },
    ]);
  }

  #connectAll(): void {
    const { networkName, instanceId, nodes } = this.network.peerNetwork ?? { nodes: [] };
    const network = `${networkName}/${instanceId}`;
    void this.#connect(nodes.map(({ address, key }) => ({ address, key, network })));
  }

  async #connect(peers: readonly PeerWords[]): Promise<void> {
    const { peerNetwork: offered, reachable, demo } = this.network;
    const known = { ...(offered && { offered }), ...(reachable && { reachable }) };
    await this.#work(() => this.client.call('peerConnect', { peers, demo, ...known }));
  }

  async #disconnect(): Promise<void> {
    await this.#work(() => this.client.call('peerDisconnect', null));
  }

  async #work(work: () => Promise<unknown>): Promise<void> {
    this.words = '';
    this.asking = true;
    try {
      await work();
    } catch (error) {
      this.words = sentenceOf(error);
    } finally {
      this.asking = false;
    }
  }
}

customElements.define('andvari-peer-panel', AndvariPeerPanel);
