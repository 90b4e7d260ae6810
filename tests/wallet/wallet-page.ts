/**
 * The wallet page as a user drives it, for tests: every hook is a data-testid, so that words and
 * looks can change. Waits for what it asked for; throws TimeoutError when it never comes.
 */
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

/** One coin as the list shows it. */
export interface ShownCoin {
  /** `<denomination>:<serialNumber>`. */
  id: string;
  grade: string;
  /**
   * 25 characters in RAIDA order: 0 not asked, ? asking, A pass, B key refused, C no answer,
   * D no connection, E error, F fail.
   */
  lights: string;
  summary: string;
}

export interface ShownServer {
  raidaId: number;
  light: string;
}

/** A locker of the wallet: coins that the servers have inside, and that others have taken. */
export interface ShownLocker {
  checked: boolean;
  count: number;
  inside: number;
  gone: number;
}

export interface CoinFileBytes {
  name: string;
  bytes: Uint8Array;
}

/** Time for one thing to appear: shorter than a test, so that the failure names the thing. */
const STEP_TIMEOUT_MS = 60_000;
/** Time for a whole detect or pown against 25 servers, many of them silent. */
const TASK_TIMEOUT_MS = 60_000;

/** Nothing on the page moves: to draw each frame of a light that breathes takes a good deal. */
const STILL = { reducedMotion: 'reduce' } as const;

export class WalletPage {
  readonly page: Page;
  /** What the page wrote to its console, and errors nobody caught: both should stay empty. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.complaints.push(message.text());
      }
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  /** Open the page in a profile of its own, or as a further tab of `context`. */
  static async open(browser: Browser | BrowserContext, url: string): Promise<WalletPage> {
    const context = 'newContext' in browser ? await browser.newContext(STILL) : browser;
    const wallet = new WalletPage(await context.newPage());
    wallet.page.setDefaultTimeout(STEP_TIMEOUT_MS);
    await wallet.page.goto(url);
    return wallet;
  }

  async createPassphrase(passphrase: string, again = passphrase): Promise<void> {
    await this.hook('gate-passphrase').fill(passphrase);
    await this.hook('gate-again').fill(again);
    await this.hook('gate-submit').click();
  }

  async unlock(passphrase: string): Promise<void> {
    await this.hook('gate-passphrase').fill(passphrase);
    await this.hook('gate-submit').click();
  }

  /** The sentence under the passphrase field. */
  async gateFault(): Promise<string> {
    const fault = this.hook('gate-fault').filter({ hasText: /\S/ });
    await fault.waitFor();
    return textOf(fault);
  }

  /** Wait until the wallet is open and nothing is under way. */
  async ready(): Promise<void> {
    await this.hook('lock')
      .and(this.page.locator(':enabled'))
      .waitFor({ timeout: TASK_TIMEOUT_MS });
  }

  /** Wait until what the page does by itself after unlocking is done. */
  async begun(): Promise<void> {
    const wallet = this.page.locator('[data-testid="wallet"][data-begun="true"]');
    await wallet.waitFor({ timeout: TASK_TIMEOUT_MS });
    await this.ready();
  }

  async lock(): Promise<void> {
    await this.ready();
    await this.hook('lock').click();
    await this.hook('gate-passphrase').waitFor();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.hook('gate-passphrase').waitFor();
  }

  /** Take demo coins; gives the coins then shown. */
  async takeDemoCoins(): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.hook('demo-coins').click());
    return this.coins();
  }

  /** Drop a file on the page. */
  async dropFile({ name, bytes }: CoinFileBytes): Promise<void> {
    await this.ready();
    const dataTransfer = await this.page.evaluateHandle(
      ([fileName, values]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(values)], fileName));
        return transfer;
      },
      [name, [...bytes]] as const,
    );
    await this.hook('drop-zone').dispatchEvent('dragover', { dataTransfer });
    await this.untilEnded(() => this.hook('drop-zone').dispatchEvent('drop', { dataTransfer }));
  }

  /** Choose files with the file button. */
  async chooseFiles(...files: CoinFileBytes[]): Promise<void> {
    const payload = files.map(({ name, bytes }) => ({
      name,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(bytes),
    }));
    await this.untilEnded(() => this.hook('file-input').setInputFiles(payload));
  }

  /** Check all coins, or the selected ones, to the end. */
  async detect(): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.startDetect());
    return this.coins();
  }

  async startDetect(): Promise<void> {
    await this.ready();
    await this.hook('detect').click();
  }

  /** Take ownership of all coins, or the selected ones, to the end. */
  async pown(): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.startPown());
    return this.coins();
  }

  async startPown(): Promise<void> {
    await this.ready();
    await this.hook('pown').click();
    await this.hook('confirm-yes').click();
  }

  /** Heal the fracked ones of all coins, or of the selected ones, to the end. */
  async heal(): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.hook('heal').click());
    return this.coins();
  }

  /** Heal one coin by the button on its row. */
  async healOne(id: string): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.coin(id).getByTestId('coin-heal').click());
    return this.coins();
  }

  /** Why a coin is not healed; undefined: nothing is said. */
  async healFault(id: string): Promise<string | undefined> {
    const fault = this.coin(id).getByTestId('heal-fault');
    return (await fault.count()) === 0 ? undefined : textOf(fault);
  }

  /** Go on with what a reload cut off, to the end. */
  async goOn(): Promise<ShownCoin[]> {
    await this.untilEnded(() => this.hook('go-on').click());
    return this.coins();
  }

  /** Choose what to send, an amount or the selected coins, up to the last question. */
  async prepareSend(amount?: string): Promise<void> {
    await this.ready();
    await this.hook('send').click();
    if (amount !== undefined) await this.hook('send-amount').fill(amount);
    await this.hook('send-next').click();
  }

  /** Put an amount or the selected coins into a locker; gives the code that is shown. */
  async send(amount?: string): Promise<string> {
    await this.prepareSend(amount);
    await this.hook('send-yes').click();
    const code = this.hook('locker-code');
    await code.filter({ hasText: /-/ }).waitFor({ timeout: TASK_TIMEOUT_MS });
    return textOf(code);
  }

  /** Look into a locker; gives what is said of it, good or bad. */
  async peek(code: string): Promise<string> {
    await this.ready();
    if (!(await this.hook('take-code').isVisible())) await this.hook('take-locker').click();
    await this.hook('take-code').fill(code);
    await this.hook('take-peek').click();
    const said = this.hook('take-contents').or(this.hook('take-fault').filter({ hasText: /\S/ }));
    await said.waitFor({ timeout: TASK_TIMEOUT_MS });
    return textOf(said);
  }

  /** Look into a locker and take what is in it, to the end. */
  async take(code: string): Promise<ShownCoin[]> {
    await this.peek(code);
    await this.untilEnded(() => this.hook('take-yes').click());
    return this.coins();
  }

  /** Press a button of the only locker, and wait for the end of what it starts. */
  async lockerAct(action: 'take' | 'pass'): Promise<void> {
    await this.untilEnded(async () => {
      await this.hook(`locker-${action}`).click();
      if (action === 'pass') await this.hook('confirm-yes').click();
    });
  }

  async lockers(): Promise<ShownLocker[]> {
    return this.hook('locker').evaluateAll((rows) =>
      rows.map((row) => {
        const count = (name: string) => Number(row.getAttribute(`data-${name}`));
        const checked = row.getAttribute('data-checked') === 'true';
        return { checked, count: count('count'), inside: count('inside'), gone: count('gone') };
      }),
    );
  }

  async cancel(): Promise<void> {
    await this.hook('cancel-task').click();
  }

  /** Works (adding, detect, pown, settle, saving, removing) that have ended since the start. */
  async endedCount(): Promise<number> {
    return Number(await this.hook('wallet').getAttribute('data-ended'));
  }

  /** Wait until that many works have ended and the page has said how. */
  async ended(count: number): Promise<void> {
    const wallet = this.page.locator(`[data-testid="wallet"][data-ended="${count}"]`);
    await wallet.waitFor({ timeout: TASK_TIMEOUT_MS });
    await this.ready();
  }

  /** Do something that starts one work, and wait for the end of it. */
  async untilEnded(start: () => Promise<unknown>): Promise<void> {
    await this.ready();
    const before = await this.endedCount();
    await start();
    await this.ended(before + 1);
  }

  /** Save all coins, or the selected ones, as a file. */
  async download(): Promise<CoinFileBytes> {
    const downloaded = this.page.waitForEvent('download');
    await this.untilEnded(() => this.hook('save').click());
    const download = await downloaded;
    const bytes = new Uint8Array(await readFile(await download.path()));
    return { name: download.suggestedFilename(), bytes };
  }

  /** Remove the selected coins. */
  async remove(): Promise<void> {
    await this.untilEnded(async () => {
      await this.hook('remove').click();
      await this.hook('confirm-yes').click();
    });
  }

  async select(...ids: string[]): Promise<void> {
    for (const id of ids) await this.coin(id).getByTestId('coin-select').check();
  }

  async selectAll(): Promise<void> {
    await this.hook('select-all').check();
  }

  /** The coins on the page of the list that is shown. */
  async coins(): Promise<ShownCoin[]> {
    return this.hook('coin').evaluateAll((rows) =>
      rows.map((row) => {
        const inside = row.querySelector('andvari-coin-row')?.shadowRoot;
        const hook = (name: string) => inside?.querySelector(`[data-testid="${name}"]`);
        return {
          id: row.getAttribute('data-coin') ?? '',
          grade: row.getAttribute('data-grade') ?? '',
          lights: hook('coin-lights')?.getAttribute('data-lights') ?? '',
          summary: hook('coin-summary')?.textContent?.trim() ?? '',
        };
      }),
    );
  }

  /** 25 characters (see ShownCoin). */
  async lights(id: string): Promise<string> {
    return (await this.coin(id).getByTestId('coin-lights').getAttribute('data-lights')) ?? '';
  }

  /** Coins in a grade: authentic (with the fracked ones), fracked, limbo, counterfeit, untested. */
  async total(grade: string): Promise<number> {
    return Number((await textOf(this.hook(`total-${grade}`))).replaceAll(',', ''));
  }

  /** Value of all authentic coins as it is shown. */
  worth(): Promise<string> {
    return textOf(this.hook('worth'));
  }

  /** The one sentence that says how the last thing ended. */
  async notice(): Promise<string> {
    const notice = this.hook('notice').locator('span');
    await notice.waitFor();
    return textOf(notice);
  }

  async servers(): Promise<ShownServer[]> {
    const shown = await this.hook('server').all();
    return Promise.all(
      shown.map(async (server) => ({
        raidaId: Number(await server.getAttribute('data-server')),
        light: (await server.getAttribute('data-light')) ?? '',
      })),
    );
  }

  async askServers(): Promise<ShownServer[]> {
    await this.ready();
    const button = this.hook('ask-servers').and(this.page.locator(':enabled'));
    await button.click();
    await button.waitFor({ timeout: TASK_TIMEOUT_MS });
    return this.servers();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** Any element by its data-testid, also inside components. */
  hook(testId: string): Locator {
    return this.page.getByTestId(testId);
  }

  private coin(id: string): Locator {
    return this.page.locator(`[data-testid="coin"][data-coin="${id}"]`);
  }
}

async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? '').trim();
}
