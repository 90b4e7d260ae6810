/**
 * What scripts/component-transform.mjs writes into the component; to the compiler they are imports.
 */

/** Sets every global of this instance to what it was at first. Memory is not its business. */
@external("andvari", "fresh") export declare function fresh(): void;
