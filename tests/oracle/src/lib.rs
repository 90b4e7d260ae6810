//! The primitives of the project by other people's crates. Bytes in, bytes out; what is asked with
//! a length that a crate does not take is an error with its reason.
use aes::cipher::generic_array::{typenum::U10, GenericArray};
use aes::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hmac::Mac;
use sha2::Digest;
use wasm_bindgen::prelude::*;

fn no_randomness(_: &mut [u8]) -> Result<(), getrandom::Error> {
    Err(getrandom::Error::UNSUPPORTED)
}
getrandom::register_custom_getrandom!(no_randomness);

type Bytes = Result<Vec<u8>, JsError>;

fn array<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N], JsError> {
    let problem = || JsError::new(&format!("{name}: wanted {N} bytes, got {}", bytes.len()));
    bytes.try_into().map_err(|_| problem())
}

#[wasm_bindgen]
pub fn md5(bytes: &[u8]) -> Vec<u8> {
    md5::Md5::digest(bytes).to_vec()
}

#[wasm_bindgen]
pub fn sha256(bytes: &[u8]) -> Vec<u8> {
    sha2::Sha256::digest(bytes).to_vec()
}

#[wasm_bindgen]
pub fn blake2s(bytes: &[u8]) -> Vec<u8> {
    blake2::Blake2s256::digest(bytes).to_vec()
}

#[wasm_bindgen]
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Bytes {
    let mut mac = <hmac::Hmac<sha2::Sha256> as Mac>::new_from_slice(key)?;
    mac.update(bytes);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn extended(hasher: &blake3::Hasher, length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    hasher.finalize_xof().fill(&mut output);
    output
}

#[wasm_bindgen]
pub fn blake3(bytes: &[u8], length: usize) -> Vec<u8> {
    extended(blake3::Hasher::new().update(bytes), length)
}

#[wasm_bindgen]
pub fn blake3_keyed(key: &[u8], bytes: &[u8], length: usize) -> Bytes {
    let key = array::<32>("key", key)?;
    Ok(extended(blake3::Hasher::new_keyed(&key).update(bytes), length))
}

#[wasm_bindgen]
pub fn blake3_derive(context: &str, bytes: &[u8], length: usize) -> Vec<u8> {
    extended(blake3::Hasher::new_derive_key(context).update(bytes), length)
}

/// AES-128 or AES-256, by the length of the key; the counter is one number of 128 bits.
#[wasm_bindgen]
pub fn aes_ctr(key: &[u8], counter: &[u8], text: &[u8]) -> Bytes {
    let mut output = text.to_vec();
    if key.len() == 16 {
        ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, counter)?.apply_keystream(&mut output);
    } else {
        ctr::Ctr128BE::<aes::Aes256>::new_from_slices(key, counter)?.apply_keystream(&mut output);
    }
    Ok(output)
}

/// RFC 8439; `counter` is the number of the first block.
#[wasm_bindgen]
pub fn chacha20(key: &[u8], counter: u32, nonce: &[u8], text: &[u8]) -> Bytes {
    let mut output = text.to_vec();
    let mut cipher = chacha20::ChaCha20::new_from_slices(key, nonce)?;
    cipher.seek(u64::from(counter) * 64);
    cipher.apply_keystream(&mut output);
    Ok(output)
}

#[wasm_bindgen]
pub fn hchacha20(key: &[u8], nonce: &[u8]) -> Bytes {
    let key = GenericArray::from(array::<32>("key", key)?);
    let nonce = GenericArray::from(array::<16>("nonce", nonce)?);
    Ok(chacha20::hchacha::<U10>(&key, &nonce).to_vec())
}

/// ChaCha20-Poly1305, or XChaCha20-Poly1305 where the nonce has 24 bytes: text and tag.
#[wasm_bindgen]
pub fn seal(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Bytes {
    let payload = Payload { msg, aad };
    let sealed = if nonce.len() == 24 {
        let nonce = array::<24>("nonce", nonce)?;
        chacha20poly1305::XChaCha20Poly1305::new_from_slice(key)?.encrypt(&nonce.into(), payload)
    } else {
        let nonce = array::<12>("nonce", nonce)?;
        chacha20poly1305::ChaCha20Poly1305::new_from_slice(key)?.encrypt(&nonce.into(), payload)
    };
    sealed.map_err(|error| JsError::new(&error.to_string()))
}

/// Nothing: the tag is wrong.
#[wasm_bindgen]
pub fn open(key: &[u8], nonce: &[u8], aad: &[u8], msg: &[u8]) -> Result<Option<Vec<u8>>, JsError> {
    let payload = Payload { msg, aad };
    let opened = if nonce.len() == 24 {
        let nonce = array::<24>("nonce", nonce)?;
        chacha20poly1305::XChaCha20Poly1305::new_from_slice(key)?.decrypt(&nonce.into(), payload)
    } else {
        let nonce = array::<12>("nonce", nonce)?;
        chacha20poly1305::ChaCha20Poly1305::new_from_slice(key)?.decrypt(&nonce.into(), payload)
    };
    Ok(opened.ok())
}

#[wasm_bindgen]
pub fn x25519(secret: &[u8], public: &[u8]) -> Bytes {
    let secret = array::<32>("secret", secret)?;
    Ok(x25519_dalek::x25519(secret, array::<32>("public", public)?).to_vec())
}

/// Public key and signature of a seed.
#[wasm_bindgen]
pub fn ed25519_sign(seed: &[u8], message: &[u8]) -> Bytes {
    use ed25519_dalek::Signer;
    let key = ed25519_dalek::SigningKey::from_bytes(&array::<32>("seed", seed)?);
    let mut output = key.verifying_key().to_bytes().to_vec();
    output.extend_from_slice(&key.sign(message).to_bytes());
    Ok(output)
}

/// One byte: 1 where the strict rules take the signature.
#[wasm_bindgen]
pub fn ed25519_verify(public: &[u8], message: &[u8], signature: &[u8]) -> Bytes {
    let public = array::<32>("public", public)?;
    let signature = ed25519_dalek::Signature::from_bytes(&array::<64>("signature", signature)?);
    let verified = ed25519_dalek::VerifyingKey::from_bytes(&public)
        .and_then(|key| key.verify_strict(message, &signature));
    Ok(vec![u8::from(verified.is_ok())])
}

fn side(
    keys: &[u8],
    prologue: &[u8],
    initiates: bool,
) -> Result<snow::HandshakeState, snow::Error> {
    let builder = snow::Builder::new("Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?)
        .local_private_key(&keys[..32])
        .fixed_ephemeral_key_for_testing_only(&keys[32..])
        .prologue(prologue);
    if initiates { builder.build_initiator() } else { builder.build_responder() }
}

fn three_messages(
    mut initiator: snow::HandshakeState,
    mut responder: snow::HandshakeState,
    payloads: [&[u8]; 3],
) -> Result<Vec<u8>, snow::Error> {
    let mut output = Vec::new();
    let mut read = vec![0; 65535];
    for (i, payload) in payloads.into_iter().enumerate() {
        let mut message = vec![0; 65535];
        let (from, to) = if i == 1 {
            (&mut responder, &mut initiator)
        } else {
            (&mut initiator, &mut responder)
        };
        let length = from.write_message(payload, &mut message)?;
        to.read_message(&message[..length], &mut read)?;
        output.extend_from_slice(&message[..length]);
    }
    output.extend_from_slice(initiator.get_handshake_hash());
    Ok(output)
}

/// Noise_XX_25519_ChaChaPoly_BLAKE2s: the three messages one behind the other, then the hash of
/// the handshake. `initiator` and `responder` are 32 bytes of static and of ephemeral secret.
#[wasm_bindgen]
pub fn noise_xx(
    prologue: &[u8],
    initiator: &[u8],
    responder: &[u8],
    first: &[u8],
    second: &[u8],
    third: &[u8],
) -> Bytes {
    let problem = |error: snow::Error| JsError::new(&error.to_string());
    let [initiator, responder] =
        [array::<64>("initiator", initiator)?, array::<64>("responder", responder)?];
    let initiator = side(&initiator, prologue, true).map_err(problem)?;
    let responder = side(&responder, prologue, false).map_err(problem)?;
    three_messages(initiator, responder, [first, second, third]).map_err(problem)
}
