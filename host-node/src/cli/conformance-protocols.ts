/** `andvari conformance --protocol` of the protocols beside RAIDA: what each needs to be told. */

import { type RatatoskrSubject, ratatoskrSuite } from '../conformance/ratatoskr/suite.ts';
import { parseTarget } from '../conformance/target.ts';
import { type Campaign, campaignOf, SILENCE_MS } from './conformance-campaign.ts';
import { ConformanceUsageError } from './conformance-report.ts';
import { readAuthorities, readDeviceKey } from './ratatoskr-files.ts';

export const PROTOCOLS: readonly string[] = ['ratatoskr'];

export interface ProtocolOptions {
  target?: string;
  timeout: number;
  ca?: string;
  key?: string;
  device?: string;
  user?: string;
  serverKey?: Buffer;
}

/** Throws ConformanceUsageError, TargetError, InputError. */
export async function protocolCampaign(
  _protocol: string,
  options: ProtocolOptions,
): Promise<Campaign> {
  return ratatoskrCampaign(options);
}

function ratatoskrCampaign(options: ProtocolOptions): Campaign {
  const { target: text = 'ws://127.0.0.1:50062/ratatoskr', timeout, ca, serverKey } = options;
  const { transport, url = '' } = parseTarget(text);
  if (transport !== 'ws') {
    throw new ConformanceUsageError('--target: wanted wss://HOST:PORT/ratatoskr (ws://)');
  }
  const device = deviceOf(options);
  const subject: RatatoskrSubject = {
    ...{ url, replyMs: timeout, silenceMs: SILENCE_MS },
    ...(ca === undefined ? {} : { ca: readAuthorities(ca) }),
    ...(device ? { device } : {}),
    ...(serverKey ? { serverKey } : {}),
  };
  const about = device ? `as device ${device.deviceId}` : 'as a stranger alone';
  const facts = { device: device?.deviceId ?? null };
  return campaignOf({ protocol: 'Ratatoskr', about, facts, target: text }, ratatoskrSuite(subject));
}

function deviceOf({ key, device: deviceId, user: userId }: ProtocolOptions) {
  if (key === undefined && deviceId === undefined && userId === undefined) return undefined;
  if (key === undefined || deviceId === undefined || userId === undefined) {
    throw new ConformanceUsageError('wanted --key, --device and --user, or none of them');
  }
  return { deviceId, userId, signer: readDeviceKey(key) };
}
