// What a call of the component throws instead of a value: the fault of its WIT.

/** The payload of the error that `call` throws; undefined: it throws none. */
export function faultOf(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    // A trap or a TypeError has no payload, and is no fault that the WIT knows.
    if (error instanceof Error && 'payload' in error) return error.payload;
    throw error;
  }
}
