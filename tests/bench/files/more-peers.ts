/** Programs for files that a machine seldom has: uftp, croc, magic-wormhole. */
import { firstLine, type Peer, program } from './run.ts';

/** One receiver, called by its address; as fast as it can, or far away by congestion control. */
export const uftp: Peer = {
  name: 'uftp',
  remark: 'AES-256-GCM; without a limit, over the far path with its TFMCC',
  programs: ['uftp', 'uftpd'],
  version: () => undefined, // it says so in a copy alone
  async copy(run) {
    const port = await run.port();
    const { name, receiverHost, senderInterface, receiverInterface } = run.place;
    const own = ['-d', '-D', run.into, '-I', receiverInterface, '-p', String(port)];
    const server = run.start('receiver', [program('uftpd'), ...own]);
    await server.listens(port);
    run.begin();
    const rate = name === 'far' ? ['-C', 'tfmcc'] : ['-R', '-1'];
    const to = ['-I', senderInterface, '-M', receiverHost, '-P', receiverHost, '-p', String(port)];
    const words = [...rate, '-Y', 'aes256-gcm', ...to];
    const going = run.start('sender', [program('uftp'), ...words, run.source]);
    await run.end(going);
  },
};

/** Through a relay on the receiver's side, which counts with it. */
export const croc: Peer = {
  name: 'croc',
  remark: 'encrypted; through its relay, beside the receiver',
  programs: ['croc'],
  version: () => firstLine('croc', '--version'),
  async copy(run) {
    const PORTS = 5;
    const first = await run.port(PORTS);
    const { receiverHost } = run.place;
    const ports = Array.from({ length: PORTS }, (_, i) => first + i).join(',');
    const environment = {
      ...{ HOME: run.folder, CROC_CONFIG_DIR: run.folder, CROC_SECRET: 'bench-of-some-files' },
    };
    const options = { environment, folder: run.folder };
    const relayWords = ['relay', '--host', receiverHost, '--ports', ports];
    const relay = run.start('receiver', [program('croc'), ...relayWords], options);
    await relay.listens(first);
    const common = ['--yes', '--ignore-stdin', '--disable-clipboard', '--no-compress'];
    const by = [...common, '--relay', `${receiverHost}:${first}`];
    run.begin();
    const send = ['send', '--no-local', run.source];
    const going = run.start('sender', [program('croc'), ...by, ...send], options);
    await going.says(/Code is/);
    const receive = [...by, '--out', run.into];
    const coming = run.start('receiver', [program('croc'), ...receive], options);
    await run.end(going, coming);
  },
};

/** Straight from one side to the other; its mailbox is on the receiver's side. */
export const wormhole: Peer = {
  name: 'magic-wormhole',
  remark: 'encrypted; a mailbox beside the receiver, the file goes directly',
  programs: ['wormhole', 'twist'],
  version: () => firstLine('wormhole', '--version'),
  async copy(run) {
    const port = await run.port();
    const { receiverHost } = run.place;
    const at = `tcp:${port}:interface=${receiverHost}`;
    const options = { folder: run.folder, environment: { HOME: run.folder } };
    const words = [program('twist'), 'wormhole-mailbox', `--port=${at}`];
    const mailbox = run.start('receiver', words, options);
    await mailbox.listens(port);
    run.begin();
    // No relay for the data: nobody waits on this port.
    const by = [`--relay-url=ws://${receiverHost}:${port}/v1`, '--transit-helper=tcp:127.0.0.1:9'];
    const code = '--code=1-bench-files';
    const send = ['send', '--hide-progress', '--no-qr', code, run.source];
    const going = run.start('sender', [program('wormhole'), ...by, ...send], options);
    const receive = ['receive', '--hide-progress', '--accept-file', '1-bench-files'];
    const end = { ...options, folder: run.into };
    const coming = run.start('receiver', [program('wormhole'), ...by, ...receive], end);
    await run.end(going, coming);
  },
};
