/** For tests beside the code of rooms that may not import host-node. */
export { keptPorts } from '../host-node/src/testing/ports.ts';
