/** The form of a request_id of our own clients (reference: Ratatoskr section 9, rule 3). */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** 36 ASCII characters, whatever the version. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
