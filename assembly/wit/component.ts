/**
 * The exports of the component, nothing else. scripts/component-transform.mjs gives them the names
 * of the component model: `hash_blake3Keyed` is blake3-keyed of the interface hash,
 * `transfer_Packets_seal` the method seal of its resource packets, `..._static_start` a static
 * function of it, `..._dtor` its end.
 */
export { afterCall, reallocate as cabi_realloc } from "./abi";
export {
  chacha20 as cipher_chacha20,
  ctr as cipher_ctr,
  hchacha20 as cipher_hchacha20,
  open as cipher_open,
  seal as cipher_seal,
} from "./cipher";
export {
  blake3 as hash_blake3,
  blake3Derive as hash_blake3Derive,
  blake3Keyed as hash_blake3Keyed,
  blake3Parent as hash_blake3Parent,
  blake3Part as hash_blake3Part,
  crc32 as hash_crc32,
  hmacSha256 as hash_hmacSha256,
  md5 as hash_md5,
  sha256 as hash_sha256,
} from "./hash";
export {
  end as transfer_Packets_dtor,
  moveTo as transfer_Packets_moveTo,
  open as transfer_Packets_open,
  rekey as transfer_Packets_rekey,
  seal as transfer_Packets_seal,
  start as transfer_Packets_static_start,
} from "./packets";
export {
  openMessage as peer_openMessage,
  openRequest as peer_openRequest,
  openResponse as peer_openResponse,
} from "./peer";
export {
  encodeMessage as peer_encodeMessage,
  encodeRequest as peer_encodeRequest,
  encodeResponse as peer_encodeResponse,
  signingBytes as peer_signingBytes,
} from "./peer-encode";
export {
  buildReply as raida_buildReply,
  openRequest as raida_openRequest,
  requestLength as raida_requestBytes,
  validateHeader as raida_validateHeader,
} from "./raida";
export { openReply as raida_openReply, sealRequest as raida_sealRequest } from "./raida-client";
export {
  checkKey as ratatoskr_checkKey,
  checkSignature as ratatoskr_checkSignature,
  openConnectionRequest as ratatoskr_openConnectionRequest,
  openConnectionResponse as ratatoskr_openConnectionResponse,
  openRequest as ratatoskr_openRequest,
  openResponse as ratatoskr_openResponse,
} from "./ratatoskr";
export {
  digestRequest as ratatoskr_digestRequest,
  encodeConnectionRequest as ratatoskr_encodeConnectionRequest,
  encodeConnectionResponse as ratatoskr_encodeConnectionResponse,
  encodeRequest as ratatoskr_encodeRequest,
  encodeResponse as ratatoskr_encodeResponse,
} from "./ratatoskr-encode";
export {
  addRandom as raidaServer_Engine_addRandom,
  configure as raidaServer_Engine_static_configure,
  drain as raidaServer_Engine_drain,
  end as raidaServer_Engine_dtor,
  process as raidaServer_Engine_process,
  step as raidaServer_Engine_step,
} from "./server";
export {
  changes as raidaServer_Engine_changes,
  commit as raidaServer_Engine_commit,
  complete as raidaServer_Engine_complete,
  effects as raidaServer_Engine_effects,
  pageLoaded as raidaServer_Engine_pageLoaded,
} from "./server-effects";
export {
  decodeFrame as transfer_decodeFrame,
  encodeFrame as transfer_encodeFrame,
  lz4Pack as transfer_lz4Pack,
  lz4Unpack as transfer_lz4Unpack,
} from "./transfer";
