/** Cases of hash and cipher, from tests/vectors and the values published beside them. */
import { AES_256_CTR, HMAC_CASES, SHA256_TEXTS } from '../../engine/published.ts';
import aes128 from '../../vectors/aes128_ctr.json' with { type: 'json' };
import blake3 from '../../vectors/blake3.json' with { type: 'json' };
import chacha from '../../vectors/chacha20_poly1305.json' with { type: 'json' };
import crc32 from '../../vectors/crc32.json' with { type: 'json' };
import hchacha from '../../vectors/hchacha20.json' with { type: 'json' };
import md5 from '../../vectors/md5.json' with { type: 'json' };
import profile from '../../vectors/transfer_profile_r1.json' with { type: 'json' };
import xchacha from '../../vectors/xchacha20_poly1305.json' with { type: 'json' };
import { type Case, hexOf, hexOfNumber, hexOfText } from '../case.ts';

type Part = Omit<Case, 'id'>;

/** Cases of one section and function, numbered. */
export function numbered(
  section: string,
  name: string,
  parts: Omit<Part, 'section' | 'function'>[],
) {
  return parts.map((part, i): Case => {
    return { id: `${name}/${slugOf(section)}/${i + 1}`, section, function: name, ...part };
  });
}

export function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

export function primitiveCases(): Case[] {
  return [...digestCases(), ...blake3Cases(), ...ctrCases(), ...sealedCases()];
}

function digestCases(): Case[] {
  const plain = { section: 'CRC-32/ISO-HDLC', name: 'hash.crc32' };
  const ofCrc = crc32.cases.map((item) => {
    return { input: { bytes: item.input }, expected: { output: item.crc32 } };
  });
  const ofMd5 = md5.cases.map((item) => {
    return { input: { bytes: item.input }, expected: { output: item.md5 } };
  });
  const ofSha = SHA256_TEXTS.map(([text, digest]) => {
    return { input: { bytes: hexOfText(text) }, expected: { output: digest } };
  });
  const ofHmac = HMAC_CASES.map(([key, bytes, mac]) => {
    const output = mac.padEnd(64, '0');
    // Case 5 is published as its first 16 bytes.
    const open: [number, number][] = [[mac.length / 2, 32]];
    return { input: { key, bytes }, expected: { output }, ...(mac.length < 64 ? { open } : {}) };
  });
  const lengths = Array.from({ length: 24 }, (_, i) => i * 13);
  const beside = lengths.map((length) => {
    const bytes = hexOf(Uint8Array.from({ length }, (_, i) => i * 31 + length));
    return { input: { bytes, key: bytes } };
  });
  const lengthsOf = (name: string) => numbered('Texts of many lengths', name, beside);
  return [
    ...numbered(plain.section, plain.name, ofCrc),
    ...numbered('MD5, RFC 1321 A.5', 'hash.md5', ofMd5),
    ...numbered('SHA-256, FIPS 180-4', 'hash.sha256', ofSha),
    ...numbered('HMAC-SHA-256, RFC 4231', 'hash.hmac-sha256', ofHmac),
    ...['hash.md5', 'hash.sha256', 'hash.hmac-sha256'].flatMap(lengthsOf),
  ];
}

function blake3Cases(): Case[] {
  const section = 'BLAKE3 test vectors';
  const length = hexOfNumber(131, 4);
  const key = hexOfText(blake3.key);
  const context = hexOfText(blake3.context_string);
  const items = blake3.cases.map((item) => {
    const bytes = hexOf(Uint8Array.from({ length: item.input_len }, (_, i) => i % 251));
    return { bytes, item };
  });
  const plain = items.map(({ bytes, item }) => {
    return { input: { bytes, length }, expected: { output: item.hash } };
  });
  const keyed = items.map(({ bytes, item }) => {
    return { input: { key, bytes, length }, expected: { output: item.keyed_hash } };
  });
  const derived = items.map(({ bytes, item }) => {
    return { input: { context, bytes, length }, expected: { output: item.derive_key } };
  });
  const parts = items.slice(1, 20).map(({ bytes }) => {
    return { input: { bytes, first: hexOfNumber(256, 8) } };
  });
  const parents = [0, 1].map((root) => {
    return { input: { left: key, right: key, root: hexOfNumber(root, 1) } };
  });
  return [
    ...numbered(section, 'hash.blake3', plain),
    ...numbered(section, 'hash.blake3-keyed', keyed),
    ...numbered(section, 'hash.blake3-derive', derived),
    ...numbered('BLAKE3 in parts', 'hash.blake3-part', parts),
    ...numbered('BLAKE3 in parts', 'hash.blake3-parent', parents),
    ...fileCases(),
  ];
}

/** The files of profile R1 that are one part. */
function fileCases(): Case[] {
  const parts = profile.files
    .filter(({ length }) => length <= 70000)
    .map(({ length, blake3_whole_file: output }) => {
      const file = Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + length) & 255);
      return { input: { bytes: hexOf(file), length: hexOfNumber(32, 4) }, expected: { output } };
    });
  return numbered('Profile R1, files', 'hash.blake3', parts);
}

/** Where a case of aes128_ctr.json comes from. */
function sourceOf(id: string): string {
  if (id.startsWith('SP800')) return 'AES-CTR, SP 800-38A F.5.1';
  if (id.startsWith('RFC3686')) return 'AES-CTR, RFC 3686 section 6';
  return id.startsWith('128-bit') ? 'AES-CTR, counter carry' : 'AES-CTR out of Wycheproof aes_gcm';
}

function ctrCases(): Case[] {
  const groups = Map.groupBy(aes128.cases, ({ id }) => sourceOf(id));
  const short = [...groups].flatMap(([section, items]) => {
    const parts = items.map(({ key, counter_block: counter, plaintext: text, ciphertext }) => {
      return { input: { key, counter, text }, expected: { output: ciphertext } };
    });
    return numbered(section, 'cipher.ctr', parts);
  });
  const { key, counterBlock: counter, plaintext: text, ciphertext: output } = AES_256_CTR;
  const wide = [{ input: { key, counter, text }, expected: { output } }];
  const many = Array.from({ length: 31 }, (_, i) => {
    const bytes = hexOf(Uint8Array.from({ length: i * 23 }, (_, j) => j ^ i));
    return {
      input: { key: i % 2 ? key : key.slice(0, 32), counter: 'ff'.repeat(16), text: bytes },
    };
  });
  const streams = many.map(({ input }) => {
    const nonce = counter.slice(0, 24);
    return { input: { key, counter: 'fffffffa', nonce, text: input.text } };
  });
  const rfc =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the " +
    'future, sunscreen would be it.';
  const published = {
    key: hexOf(Uint8Array.from({ length: 32 }, (_, i) => i)),
    counter: '00000001',
    nonce: '000000000000004a00000000',
    text: hexOfText(rfc),
  };
  const sunscreen =
    '6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b' +
    'f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8' +
    '07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736' +
    '5af90bbf74a35be6b40b8eedf2785e42874d';
  return [
    ...short,
    ...numbered('AES-CTR, SP 800-38A F.5.5', 'cipher.ctr', wide),
    ...numbered('Texts of many lengths', 'cipher.ctr', many),
    ...numbered('Texts of many lengths', 'cipher.chacha20', streams),
    ...numbered('ChaCha20, RFC 8439 2.4.2', 'cipher.chacha20', [
      { input: published, expected: { output: sunscreen } },
    ]),
  ];
}

interface Sealed {
  tcId: number | string;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result?: string;
}

/** Why a sealed text that is not valid is refused: the first thing that is wrong. */
function faultOf({ iv, tag, ct }: Sealed): string {
  if (iv.length !== 24 && iv.length !== 48) return 'nonce-length';
  return ct.length + tag.length < 32 ? 'text-length' : 'bad-tag';
}

function sealedCases(): Case[] {
  const sub = hchacha.cases.map(({ key, nonce16: nonce, out: output }) => {
    return { input: { key, nonce }, expected: { output } };
  });
  const files: [string, Sealed[]][] = [
    ['ChaCha20-Poly1305, Wycheproof', chacha.cases as Sealed[]],
    ['XChaCha20-Poly1305, Wycheproof', xchacha.cases as Sealed[]],
  ];
  const all = files.flatMap(([section, items]) => {
    const isValid = ({ result = 'valid' }: Sealed) => result === 'valid';
    const opened = items.map((item) => {
      const { key, iv: nonce, aad: associated, ct, tag } = item;
      const expected = isValid(item) ? { output: item.msg } : { verdict: faultOf(item) };
      return { input: { key, nonce, associated, sealed: ct + tag }, expected };
    });
    const sealed = items.filter(isValid).map(({ key, iv: nonce, aad: associated, ...item }) => {
      const expected = { output: item.ct + item.tag };
      return { input: { key, nonce, associated, text: item.msg }, expected };
    });
    return [
      ...numbered(section, 'cipher.open', opened),
      ...numbered(section, 'cipher.seal', sealed),
    ];
  });
  return [
    ...numbered('HChaCha20, draft-irtf-cfrg-xchacha-03 2.2.1', 'cipher.hchacha20', sub),
    ...all,
  ];
}
