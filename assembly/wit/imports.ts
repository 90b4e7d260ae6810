/**
 * What scripts/component-transform.mjs writes into the component; to the compiler they are imports.
 */

/** Sets every global of this instance to what it was at first. Memory is not its business. */
@external("andvari", "fresh") export declare function fresh(): void;

/** A handle of the resource packets (transfer.wit) for the entry of a session. */
@external("[export]andvari:engine/transfer@0.1.0", "[resource-new]packets")
export declare function newPackets(entry: u32): u32;

/** A handle of the resource engine (raida-server.wit). */
@external("[export]andvari:engine/raida-server@0.1.0", "[resource-new]engine")
export declare function newEngine(engine: u32): u32;
