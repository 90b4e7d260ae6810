/** What every field section must hold to: a request, an answer (RFC 9114 section 4.2 and 4.3). */
import type { Field } from './qpack.ts';

/** What differs between requests and answers. */
export interface FieldRules {
  /** Names of the pseudo-header fields that there may be. */
  readonly pseudo: ReadonlySet<string>;
  /** Of these more than one would leave open which is meant. */
  readonly single: ReadonlySet<string>;
  /** Whether `te: trailers` may be there. */
  readonly te: boolean;
  /** The error for a section that is malformed. */
  readonly malformed: (why: string) => Error;
}

/** Fields of HTTP/1.1 connections (RFC 9114 section 4.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** token of RFC 9110 section 5.6.2, without capitals. */
const FIELD_NAME = /^:?[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** No control characters but TAB, no white space at the ends (RFC 9110 section 5.5). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const FIELD_VALUE_WRONG = /[\0-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;

/**
 * Fields by name; of repeated ones the last, when repeating them is allowed.
 * @throws what `malformed` gives
 */
export function collectFields(fields: readonly Field[], rules: FieldRules): Map<string, string> {
  const { pseudo, single, te, malformed } = rules;
  const byName = new Map<string, string>();
  let regularSeen = false;
  for (const [name, value] of fields) {
    if (!FIELD_NAME.test(name) || FIELD_VALUE_WRONG.test(value)) {
      throw malformed('a field that HTTP does not allow');
    }
    const isPseudo = name.startsWith(':');
    if (isPseudo && (regularSeen || !pseudo.has(name))) {
      throw malformed(`${name} is unknown or behind other fields`);
    }
    if ((isPseudo || single.has(name)) && byName.has(name)) throw malformed(`two of ${name}`);
    if (CONNECTION_FIELDS.has(name) || (name === 'te' && !(te && value === 'trailers'))) {
      throw malformed(`${name} belongs to HTTP/1.1`);
    }
    regularSeen ||= !isPseudo;
    byName.set(name, value);
  }
  return byName;
}
