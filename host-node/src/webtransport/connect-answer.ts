/** What a server answers an extended CONNECT with (RFC 9114 section 4.1 to 4.3). */
import { collectFields, type FieldRules } from './header-fields.ts';
import { Http3Code, Http3StreamError } from './http3-error.ts';
import type { Field } from './qpack.ts';

function malformed(why: string): Http3StreamError {
  return new Http3StreamError(Http3Code.MESSAGE_ERROR, `a malformed answer: ${why}`);
}

const RULES: FieldRules = {
  pseudo: new Set([':status']),
  single: new Set(),
  te: false,
  malformed,
};

/**
 * The status of an answer: 100 to 999, below 200 if another follows it.
 * @throws Http3StreamError malformed
 */
export function parseAnswerStatus(fields: readonly Field[]): number {
  const status = collectFields(fields, RULES).get(':status');
  if (status === undefined) throw malformed('no :status');
  if (!/^[1-9]\d\d$/.test(status)) throw malformed(':status is no number of three digits');
  // It would switch to another protocol, which HTTP/3 does not have (RFC 9114 section 4.5).
  if (status === '101') throw malformed('status 101');
  return Number(status);
}
