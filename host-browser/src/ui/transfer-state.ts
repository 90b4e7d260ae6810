/** What the panel for files shows, and what it asks for. */
import type { Side, TransferView } from '../worker/transfer/transfer-messages.ts';

export interface TransferState {
  readonly view: TransferView | undefined;
  /** The relay that the page's server offers. */
  readonly relay: string | undefined;
  /** One sentence for each side on what could not be begun. */
  readonly words: Readonly<Record<Side, string>>;
}

export type TransferAction =
  | { readonly act: 'send'; readonly file: File; readonly relay: string }
  | { readonly act: 'fetch'; readonly code: string }
  | { readonly act: 'decide'; readonly accept: boolean }
  | { readonly act: 'pause'; readonly side: Side; readonly pause: boolean }
  | { readonly act: 'end'; readonly side: Side }
  | { readonly act: 'save' | 'forget'; readonly key: string; readonly name: string };
