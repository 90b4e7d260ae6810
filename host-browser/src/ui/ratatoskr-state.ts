/** What the Ratatoskr panel shows, and what it asks for. */

import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import type {
  ConnectWords,
  MarketWords,
  OfferView,
  RatatoskrView,
} from '../worker/ratatoskr-messages.ts';

export interface RatatoskrState {
  readonly view: RatatoskrView | undefined;
  /** What the page's server offers. */
  readonly offered: RatatoskrAddress | undefined;
  /** The page's server registers devices. */
  readonly demo: boolean;
  /** Undefined: not asked yet. */
  readonly offers: readonly OfferView[] | undefined;
  /** An answer is awaited. */
  readonly asking: boolean;
  /** One sentence on what went wrong. */
  readonly words: string;
  /** Or well. */
  readonly news: string;
  /** Works that have ended. */
  readonly ended: number;
}

export type RatatoskrAction =
  | { readonly act: 'connect'; readonly words: ConnectWords }
  | { readonly act: BareAction }
  | { readonly act: 'register'; readonly user: string }
  | { readonly act: 'market'; readonly words: MarketWords }
  /** Units of 1e-8; undefined: what was typed is no amount. */
  | { readonly act: 'pay'; readonly units: bigint | undefined };

export type BareAction = 'disconnect' | 'retry' | 'pay-again' | 'take-back' | 'forget-payment';
