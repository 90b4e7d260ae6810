/** What a node cannot do as it is now. */
export class TransferNodeError extends Error {
  override readonly name = 'TransferNodeError';
  readonly code: 'ANDVARI_NODE_CLOSED' | 'ANDVARI_NODE_RECEIVES' | 'ANDVARI_TOO_MANY_TRANSFERS';

  constructor(code: TransferNodeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
