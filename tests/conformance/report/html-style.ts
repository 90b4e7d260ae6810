/** The style of the matrix page, light and dark, down to 320 pixels of width. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #5b6570; --line: #d5dae0;
  --pass: #1a7f37; --pass-back: #dcf3e2; --fail: #b3261e; --fail-back: #fbe0de;
  --none: #68727d; --none-back: #eceff2; --alone: #7a5200; --alone-back: #fbeecb; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14181d; --text: #e6eaee; --soft: #a3adb8; --line: #343c45;
    --pass: #6fd58c; --pass-back: #17351f; --fail: #ff9d94; --fail-back: #4b1a17;
    --none: #a3adb8; --none-back: #232a31; --alone: #f0c563; --alone-back: #3d2f0c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 90rem; padding: 1.25rem; background: var(--back);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 0; font-size: 1.15rem; }
h4 { margin: .6rem 0 .2rem; font-size: .9rem; background: none !important; }
a { color: inherit; }
code, pre, dd { font-family: ui-monospace, monospace; font-size: 13px; }
.hosts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; }
.hosts dt { font-weight: 600; } .hosts dd { margin: 0; font-family: inherit; color: var(--soft); }
table { border-collapse: separate; border-spacing: 0 3px; width: 100%; table-layout: fixed; }
th:first-child { width: 26%; }
thead th { position: sticky; top: 0; background: var(--back); padding: .4rem; font-size: .85rem; }
th { text-align: left; overflow-wrap: anywhere; }
th[scope=row] { font-weight: 500; padding-right: .8rem; }
td { padding: 0; border-left: 3px solid var(--back); }
td a { display: block; padding: .2rem .5rem; text-decoration: none; white-space: nowrap; }
td a:hover, td a:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
.pass { color: var(--pass); background: var(--pass-back); }
.fail { color: var(--fail); background: var(--fail-back); font-weight: 600; }
.unsupported { color: var(--none); background: var(--none-back); }
.alone { color: var(--alone); background: var(--alone-back); }
strong.pass, strong.fail { background: none; }
.panel { display: none; margin-top: 1.5rem; padding: 1rem; border: 1px solid var(--line); }
.panel:has(:target) { display: block; }
.panel > a { scroll-margin-top: 3rem; }
details { border-top: 1px solid var(--line); padding: .3rem 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
summary i { display: inline-block; width: .7rem; height: .7rem; margin-right: 2px;
  border: 1px solid currentColor; border-radius: 50%; }
summary i.pass { background: var(--pass); } summary i.fail { background: var(--fail); }
pre, .panel dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.panel dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; }
.panel dt { color: var(--soft); }
.bytes { white-space: pre; overflow-x: auto; }
mark { background: #ffd54a; color: #000; font-weight: bold; }
@media (max-width: 44rem) {
  body { padding: .8rem; }
  .hosts, .panel dl { display: block; }
  .hosts dd, .panel dd { margin: 0 0 .4rem; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: grid; gap: 3px; margin-bottom: .7rem;
    grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); }
  tr th { grid-column: 1 / -1; width: auto !important; }
  td { border: 0; }
  td::before { content: attr(data-host); display: block; padding: .2rem .5rem 0; font-size: .8rem; }
}
`;
