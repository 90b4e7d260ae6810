import { css, html, LitElement, nothing } from 'lit';
import { WorkerFailure } from '../worker/messages.ts';
import type { WalletView } from '../worker/views.ts';
import { startWorker, type WorkerLink } from '../worker/worker-link.ts';
import type { PassphraseDetail } from './gate.ts';
import './gate.ts';
import './open-wallet.ts';
import { sharedStyles } from './shared-styles.ts';
import { codeOf, sentenceOf } from './wallet-session.ts';

type Phase = 'starting' | 'create' | 'unlock' | 'open' | 'broken';

/** The whole page: the door, the worker behind it, and the open wallet. */
export class AndvariApp extends LitElement {
  static override properties = {
    phase: { state: true },
    busy: { state: true },
    fault: { state: true },
    opened: { state: true },
  };
  static override styles = [
    sharedStyles,
    css`
      .broken {
        max-width: 32rem;
        margin: 20vh auto;
        padding: 0 1.2rem;
        font-size: 1.1rem;
      }
    `,
  ];

  declare phase: Phase;
  declare busy: boolean;
  declare fault: string;
  /** The wallet as it was when it was opened. */
  declare opened: WalletView | undefined;
  #link: WorkerLink;

  constructor() {
    super();
    this.phase = 'starting';
    this.busy = false;
    this.fault = '';
    this.#link = this.#startWorker();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#start();
  }

  protected override render() {
    if (this.phase === 'open') {
      return html`<andvari-open-wallet
        .client=${this.#link.client}
        .opened=${this.opened}
        @lock=${() => this.#lock()}
      ></andvari-open-wallet>`;
    }
    if (this.phase === 'starting') return nothing;
    if (this.phase === 'broken') {
      return html`<main class="broken" role="alert" data-testid="broken">${this.fault}</main>`;
    }
    return html`<andvari-gate
      .mode=${this.phase}
      .busy=${this.busy}
      .fault=${this.fault}
      @passphrase=${(event: CustomEvent<PassphraseDetail>) => this.#enter(event.detail)}
    ></andvari-gate>`;
  }

  #startWorker(): WorkerLink {
    return startWorker((failure) => this.#break(failure));
  }

  async #start(): Promise<void> {
    if (!window.isSecureContext) {
      const text = 'The wallet needs a safe origin: open it over https, or on 127.0.0.1.';
      return this.#break(new WorkerFailure('ANDVARI_INSECURE', text));
    }
    try {
      const exists = await this.#link.client.call('exists', null);
      this.phase = exists ? 'unlock' : 'create';
    } catch (error) {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    this.fault = sentenceOf(error);
    this.phase = 'broken';
  }

  async #enter({ passphrase }: PassphraseDetail): Promise<void> {
    this.busy = true;
    this.fault = '';
    const method = this.phase === 'create' ? 'create' : 'unlock';
    try {
      this.opened = await this.#link.client.call(method, { passphrase });
      this.phase = 'open';
    } catch (error) {
      this.fault = sentenceOf(error);
      // Another tab made a wallet meanwhile: from here on it is to be unlocked.
      if (codeOf(error) === 'ANDVARI_STORAGE_EXISTS') this.phase = 'unlock';
    } finally {
      this.busy = false;
    }
  }

  async #lock(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    // Whatever cannot be closed well ends with the worker, and with it every key in memory.
    await this.#link.client.call('lock', null).catch(() => undefined);
    this.#link.end();
    this.#link = this.#startWorker();
    this.opened = undefined;
    this.fault = '';
    this.phase = 'unlock';
    this.busy = false;
  }
}

customElements.define('andvari-app', AndvariApp);
