import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { RatatoskrConfig } from '../config/ratatoskr-config.ts';
import { NO_ORIGIN } from '../http/allow-list.ts';
import type { RatatoskrOptions } from '../ratatoskr/endpoint.ts';
import { openDemoServices } from '../ratatoskr/services/demo-services.ts';
import {
  CertificateError,
  CertificateFiles,
  SelfMadeCertificates,
} from '../webtransport/certificates.ts';

/** The section [ratatoskr], as an endpoint takes it. Opens nothing yet. */
export function ratatoskrOptionsOf(
  { raida }: Pick<Config, 'raida'>,
  ratatoskr: RatatoskrConfig,
): RatatoskrOptions {
  const { directory, tlsCertFile: certFile, tlsKeyFile: keyFile } = ratatoskr;
  const network = raida && raida.servers.length > 0 ? { network: raida } : {};
  return {
    listen: ratatoskr.listen,
    hosts: ratatoskr.allowedHosts,
    origins: [...ratatoskr.allowedOrigins, NO_ORIGIN],
    ...(certFile && keyFile
      ? { certificate: (complain) => openCertificate({ certFile, keyFile }, complain) }
      : {}),
    ...(ratatoskr.webtransport
      ? { webTransport: new SelfMadeCertificates([ratatoskr.listen.host], Date.now()) }
      : {}),
    allowPlain: ratatoskr.allowPlain,
    files: {
      devices: ratatoskr.devicesFile,
      serverKey: ratatoskr.serverKeyFile,
      audit: ratatoskr.auditFile,
      answers: join(directory, 'answers.db'),
    },
    services: () =>
      ratatoskr.demoServices ? openDemoServices({ directory, ...network }) : { routes: new Map() },
    rates: { perMinute: ratatoskr.ratePerMinute, perHour: ratatoskr.ratePerHour },
    connectionRate: { perSecond: ratatoskr.connectionRate, burst: 10 * ratatoskr.connectionRate },
    connectionsMax: ratatoskr.maxConnections,
    skewS: ratatoskr.skew,
    strictShape: ratatoskr.strictShape,
    requireV2: ratatoskr.requireV2,
  };
}

/** An error names the key of the configuration too. */
function openCertificate(
  files: { certFile: string; keyFile: string },
  complain: (error: Error) => void,
): CertificateFiles {
  try {
    return new CertificateFiles(files, complain);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    const { part, message, cause } = error;
    throw new CertificateError(`ratatoskr.tls_${part}_file: ${message}`, { part, cause });
  }
}
