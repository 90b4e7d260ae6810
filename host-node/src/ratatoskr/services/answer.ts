/** Answers of the demo services: JSON, `ok` true or false. */

/** A request that cannot be met; the client is told so in these words. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly error: string;
  readonly more: object;

  constructor(error: string, message: string, more: object = {}) {
    super(message);
    this.error = error;
    this.more = more;
  }
}

/**
 * A payload's JSON, which has to be an object; throws Refusal for anything else. A string counts
 * as none, before anything looks into it: spread, it has a property for each of its characters.
 */
export function objectOf(json: unknown): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new Refusal('INVALID_REQUEST', 'wanted a JSON object');
}

/** What the work gives, or its refusal. Whatever else it throws goes on. */
export function answerOf(work: () => object): Uint8Array {
  try {
    return emitAnswer({ ok: true, ...work() });
  } catch (error) {
    return refusalAnswer(error);
  }
}

function emitAnswer(answer: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer));
}

/** Throws again what is no Refusal. */
export function refusalAnswer(error: unknown): Uint8Array {
  if (!(error instanceof Refusal)) throw error;
  const { message, more } = error;
  return emitAnswer({ ok: false, error: error.error, message, ...more });
}
