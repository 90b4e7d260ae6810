/** Cases of ratatoskr and peer: what a strict decoder says, and what is written again. */
import { CASES } from '../../peer/messages.ts';
import { NOW_S, VECTORS } from '../../ratatoskr/vectors.ts';
import ed25519 from '../../vectors/ed25519.json' with { type: 'json' };
import { type Case, hexOfNumber } from '../case.ts';
import { wordOf } from '../functions/functions.ts';
import { RECORDED_RUNS } from './pinned-runs.ts';
import { numbered, slugOf } from './primitives.ts';

/** The stages at which a message is judged by itself. */
const STAGES = new Set(['decode', 'schema', 'timestamp', 'response']);

export function messageCases(): Case[] {
  return [...ratatoskrCases(), ...signatureCases(), ...peerCases()];
}

function ratatoskrCases(): Case[] {
  const now = { now: hexOfNumber(NOW_S, 8), skew: '00000000' };
  const all = VECTORS.flatMap(({ name, kind, bytes, stage, reason, signing }): Case[] => {
    const section = `Ratatoskr, ${stage && STAGES.has(stage) ? stage : 'messages that are taken'}`;
    const refused = stage && STAGES.has(stage) ? { verdict: wordOf(reason) } : undefined;
    const input = kind === 'request' ? { message: bytes, ...now } : { message: bytes };
    const base = { section, input };
    const again = `ratatoskr.encode-${kind}`;
    // What a response is refused for besides its form needs the request that it answers.
    const expected = stage === 'response' ? undefined : refused;
    const encoded = { id: `${again}/${slugOf(name)}`, ...base, function: again };
    const cases: Case[] = [expected ? { ...encoded, expected } : encoded];
    if (kind === 'response') return cases;
    const digest = signing?.sha256 ? { output: signing.sha256 } : undefined;
    const opened = expected ?? digest;
    const open = 'ratatoskr.open-request';
    const item = { id: `${open}/${slugOf(name)}`, ...base, function: open };
    return [opened ? { ...item, expected: opened } : item, ...cases];
  });
  const messages = VECTORS.flatMap(({ kind, bytes }) => (kind === 'request' ? [bytes] : []));
  const session: Case = {
    id: 'ratatoskr.session/1',
    section: RECORDED_RUNS,
    function: 'ratatoskr.session',
    input: { now: now.now, messages: [...messages, ...messages.slice(0, 9)] },
  };
  return [...all, session];
}

/** What is said of a signature before anybody computes with it. */
function signatureCases(): Case[] {
  const parts = ed25519.cases.map((item) => {
    const input = { key: item.pk ?? item.public ?? '', signature: item.sig };
    const isValid = item.kind === 'sign' || item.result === 'valid';
    return isValid ? { input, expected: { verdict: 'ok' } } : { input };
  });
  return numbered('Ed25519, before verifying', 'ratatoskr.check-signature', parts);
}

function peerCases(): Case[] {
  return CASES.map((item): Case => {
    const { name, kind, wire = 2, bytes, verdict, isOther = false } = item;
    const again = `peer.encode-${kind}`;
    const version = kind === 'request' || kind === 'response' ? { wire: hexOfNumber(wire, 1) } : {};
    const input = { message: bytes, ...version };
    const id = `${again}/${slugOf(name)}-${wire}`;
    const base = { id, section: `Peer, ${kind}`, function: again, input };
    if (verdict !== 'ok') return { ...base, expected: { verdict: wordOf(verdict) } };
    return isOther ? base : { ...base, expected: { output: bytes } };
  });
}
