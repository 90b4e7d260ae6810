import { describe, expect, it } from 'vitest';
import { BLOCKS_PER_PAGE, type Subject } from './conversation.ts';
import { describeCase, rehearse } from './rehearsal.ts';
import { STATE_PAGES } from './state.ts';
import { applies, suite } from './suite.ts';

const subject: Subject = {
  target: { transport: 'tcp', host: '127.0.0.1', port: 1 },
  wire: 'legacy',
  modern: true,
  raidaId: 14,
  coinId: 6,
};

describe('the suite', () => {
  it('has every id once, and ids say where a case belongs', () => {
    const ids = suite.map((one) => one.case.id);
    expect(new Set(ids).size).toBe(ids.length);
    const part =
      /^raida\/(header|body|encryption|reply|transport|websocket|modern|\d+\/\d+)\/[a-z0-9+-]+$/;
    const odd = ids.filter((id) => !/^raida\/modern\/type-[45]\//.test(id) && !part.test(id));
    expect(odd).toEqual([]);
    expect(ids.length).toBeGreaterThan(400);
  });

  it('gives cases that look at coins blocks of their own, all within the state', () => {
    const own = suite.map((one) => one.block).filter((block) => block > 0);
    expect(new Set(own).size).toBe(own.length);
    expect(Math.max(...own)).toBeLessThan(BLOCKS_PER_PAGE * STATE_PAGES);
  });

  it('says of every SHOULD why it is none that must be', () => {
    const silent = suite.filter((one) => one.case.level === 'SHOULD' && !one.case.note);
    expect(silent.map((one) => one.case.id)).toEqual([]);
  });

  it('has a case or more for every command of the reference', () => {
    const commands = ['0/0', '0/1', '0/2', '0/3', '1/10', '1/11', '1/20', '1/21', '2/40', '2/50'];
    commands.push('2/60', '2/80', '3/120', '3/130', '3/140', '3/150', '3/160', '4/41', '4/42');
    commands.push('4/43', '4/44', '4/45', '8/81', '8/82', '8/83', '8/84', '8/85', '8/86', '8/87');
    commands.push('8/88', '8/89', '9/91', '9/92', '9/93', '10/170', '10/171', '10/172', '10/173');
    commands.push('10/174', '11/110', '11/111', '11/112', '11/114', '12/120', '13/134', '13/135');
    commands.push('13/136', '14/2', '14/4', '14/5');
    const missing = commands.filter(
      (name) => !suite.some((one) => one.case.id.startsWith(`raida/${name}/`)),
    );
    expect(missing).toEqual([]);
  });

  it('leaves out what does not apply', () => {
    const find = (id: string) => suite.find((one) => one.case.id === id)!.case;
    const split = find('raida/transport/split-header');
    expect(applies(split, subject)).toBe(true);
    expect(applies(split, { ...subject, target: { ...subject.target, transport: 'udp' } })).toBe(
      false,
    );
    const modern = find('raida/modern/type-4/echo');
    expect(applies(modern, subject)).toBe(true);
    expect(applies(modern, { ...subject, modern: false })).toBe(false);
    const nonce = find('raida/reply/fresh-nonce');
    expect(applies(nonce, subject)).toBe(false);
    expect(applies(nonce, { ...subject, wire: 'spec' })).toBe(true);
  });
});

describe('a rehearsal', () => {
  const byId = (id: string) => suite.find((one) => one.case.id === id)!;

  it('gives the bytes of every case, the same each time', async () => {
    for (const one of suite) {
      const first = await rehearse(one, subject);
      if (one.case.id === 'raida/4/41/clear') continue; // a name that is new in every run
      expect(await rehearse(one, subject), one.case.id).toEqual(first);
      const asks = first.steps.length > 0 || one.case.id.includes('/clear-key');
      expect(asks, one.case.id).toBe(true);
    }
  });

  it('gives a whole case with what is due', async () => {
    const { steps, complete } = await rehearse(byId('raida/1/10/mixed'), subject);
    expect(complete).toBe(true);
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatchObject({ statuses: [243], payload: '05' });
    expect(steps[0]?.request).toMatch(/^01000e00010a0006/);
  });

  it('ends where a reply would be needed', async () => {
    const { steps, complete } = await rehearse(byId('raida/2/50/replayed-claim'), subject);
    expect(complete).toBe(false);
    expect(steps).toHaveLength(1);
    expect(steps[0]).not.toHaveProperty('payload');
  });

  it('describes a case without its code', () => {
    const facts = describeCase(byId('raida/2/50/replayed-claim'));
    expect(facts).toMatchObject({ level: 'MUST', section: '9 Healing' });
    expect(facts).not.toHaveProperty('run');
  });
});
