import { css, html, LitElement, nothing } from 'lit';
import type { MessageClient } from '../worker/message-client.ts';
import type { NetworkView } from '../worker/views.ts';
import { sharedStyles } from './shared-styles.ts';

/** Where the page becomes a peer itself. What that takes is loaded when it is opened. */
export class AndvariPeers extends LitElement {
  static override properties = {
    client: { attribute: false },
    network: { attribute: false },
    loaded: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      summary {
        cursor: pointer;
      }
      summary h2 {
        display: inline;
      }
    `,
  ];

  declare client: MessageClient;
  declare network: NetworkView;
  declare loaded: boolean;

  constructor() {
    super();
    this.network = { serverIds: [], demo: false };
    this.loaded = false;
  }

  protected override render() {
    return html`<details @toggle=${() => this.#load()}>
      <summary data-testid="peers"><h2>This page as a peer</h2></summary>
      ${
        this.loaded
          ? html`<andvari-peer-panel .client=${this.client} .network=${this.network}>
            </andvari-peer-panel>`
          : nothing
      }
    </details>`;
  }

  async #load(): Promise<void> {
    if (this.loaded) return;
    await import('./peer-panel.ts');
    this.loaded = true;
  }
}

customElements.define('andvari-peers', AndvariPeers);
