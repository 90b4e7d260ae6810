/**
 * Two certificates for localhost and 127.0.0.1, each its own authority, valid for a hundred years,
 * with their keys: secrets of nobody. Made by `openssl req -x509 -newkey ec -pkeyopt
 * ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost -addext
 * subjectAltName=DNS:localhost,IP:127.0.0.1`.
 */
import type { CertificateSource } from '../channel.ts';

export interface Certificate {
  cert: string;
  key: string;
}

export const certificates: readonly [Certificate, Certificate] = [
  {
    cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUO0BqBN82FAVxnN0p9+JV9m7CpEowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDIxMDA0MVoYDzIxMjYxMTA2
MjEwMDQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATV9vtcQ3xfTK6T3TyvazVnLvKstRrk1OuW8rNM8zRuGtPNy5FNc84y
ilYUvRNX2NbGdEeyCOhSg/HKwyaMbj3oo28wbTAdBgNVHQ4EFgQU1PKO6FZQ/9Dp
em3FFtwuWPxixw8wHwYDVR0jBBgwFoAU1PKO6FZQ/9Dpem3FFtwuWPxixw8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAOR+iaRl3a1aFF58Qv+QiuyInL5iJEz4UTKWkjdPBhEWAiEA
9JD3NUHFri3UdDm/Fg2x+ILbVbO8/sS6PkMt2sx6PCw=
-----END CERTIFICATE-----
`,
    key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdQmQTvDTePLFgDlx
FOePwPU1aTiCJkTbFIEeWG3Fg+6hRANCAATV9vtcQ3xfTK6T3TyvazVnLvKstRrk
1OuW8rNM8zRuGtPNy5FNc84yilYUvRNX2NbGdEeyCOhSg/HKwyaMbj3o
-----END PRIVATE KEY-----
`,
  },
  {
    cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUGzj08fsDBKbFJQgiuNxyQW2Dv3YwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEzMDIxMDA0MVoYDzIxMjYxMTA2
MjEwMDQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASUcImV6YENBiUc5oYz3bGj/aWul+OmcAu4fz/zTpaDGJbs5aB0WUla
bxyza750Dhe6PhDqTNswEsSMkDyGpj7yo28wbTAdBgNVHQ4EFgQUwHFPG+63Uq4u
3hknfLAHRGdUIiQwHwYDVR0jBBgwFoAUwHFPG+63Uq4u3hknfLAHRGdUIiQwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAPG303xOBcQc2TzD0pHeQ8ZUtxdkX8LQF85DROo2cbjFAiAW
DjYsbI9UuXGDVg0lSASD637eqdROYwhCF3MDkfltvw==
-----END CERTIFICATE-----
`,
    key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBTftOPq2tDRyqxn6
PTADO06K4YKPwt5/L2xZIafbTxChRANCAASUcImV6YENBiUc5oYz3bGj/aWul+Om
cAu4fz/zTpaDGJbs5aB0WUlabxyza750Dhe6PhDqTNswEsSMkDyGpj7y
-----END PRIVATE KEY-----
`,
  },
];

/** A source that a test renews by hand. */
export class TurnedCertificate implements CertificateSource {
  #certificate = certificates[0];

  current(): Certificate {
    return this.#certificate;
  }

  turn(certificate: Certificate): void {
    this.#certificate = certificate;
  }
}
