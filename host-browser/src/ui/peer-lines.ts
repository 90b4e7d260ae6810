/** What servers tell of themselves, in tiles and below them. */
import { html, nothing, type TemplateResult } from 'lit';
import { rangesOf } from './format.ts';
import { type RootTeller, rootGroups, rootsSummary, type TileLine } from './peer-words.ts';

/** A line each; what is cut short has all of it as its title. */
export function tileLines(lines: readonly TileLine[]): TemplateResult[] {
  return lines.map(({ text, whole }) =>
    whole === undefined
      ? html`<span>${text}</span>`
      : html`<span title="${whole.name} ${whole.text}"
          ><span class="for-reader">${whole.name} </span>${text}</span
        >`,
  );
}

/** All digits of the coin count roots, to be read and copied; nothing where nobody has told one. */
export function countRoots(peers: readonly RootTeller[]): TemplateResult | typeof nothing {
  const groups = rootGroups(peers);
  if (groups.length === 0) return nothing;
  return html`<details class="roots" data-testid="count-roots">
    <summary>${rootsSummary(groups)}</summary>
    <p class="soft">
      SHA-256 over how many coins of each denomination a server holds: the same on servers that hold
      as many of each.
    </p>
    <dl>
      ${groups.map(
        ({ countRoot, raidaIds }) => html`
          <dt>${raidaIds.length === 1 ? 'Server' : 'Servers'} ${rangesOf(raidaIds)}</dt>
          <dd><code data-testid="count-root">${countRoot}</code></dd>
        `,
      )}
    </dl>
  </details>`;
}
