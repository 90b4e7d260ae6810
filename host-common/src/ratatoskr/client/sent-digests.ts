/** Digests of the messages that a link has sent last: what a late answer may be signed for. */

/** More than calls can be under way. An older one's answer looks like a stranger's. */
const DIGESTS_MAX = 128;

export class SentDigests {
  readonly #sent: { requestId: string; digest: Uint8Array }[] = [];

  note(requestId: string, digest: Uint8Array): void {
    this.#sent.push({ requestId, digest });
    if (this.#sent.length > DIGESTS_MAX) this.#sent.shift();
  }

  /** Of all sendings under this request_id. */
  of(requestId: string): Uint8Array[] {
    return this.#sent.filter((sent) => sent.requestId === requestId).map(({ digest }) => digest);
  }
}
