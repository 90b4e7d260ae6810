/**
 * Who may open a session, besides having signed for it (reference: Ratatoskr section 5): identity
 * and token are opaque texts of the client, for whatever the operator has behind this. An identity
 * never takes the place of the device_id.
 */

export interface Credentials {
  /** Known, and its signature was good. */
  deviceId: string;
  userId: string;
  deviceIdentity: string;
  /** Secret: in no log. */
  authenticationToken: string;
}

export interface Authenticator {
  /** Whether they may. What it throws counts as no. */
  admit(credentials: Credentials, signal: AbortSignal): Promise<boolean> | boolean;
}

/** A good signature is enough. */
export const anyDevice: Authenticator = { admit: () => true };
