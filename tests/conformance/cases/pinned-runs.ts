/**
 * What the recorded runs give: no source says it, so it is held to what it was. A change that means
 * to change it writes the new digest here, and says why.
 */
import type { Case } from '../case.ts';

export const RECORDED_RUNS = 'Recorded runs';

const PINNED: Readonly<Record<string, string>> = {
  'raida-server.session/spec':
    '42dedbda09cfbcf56e20547cd445d9885bc0f1a005428da5b4b4cbc04203f34d' +
    '68d0e8c4690194e2a4c2ee8b1ee0ea998407b6d4348d779980fc777f0e218219',
  'raida-server.session/legacy':
    'b95bc177b07bc5f9ba0e855e7b01e560b2aa74a7351c248ee14df70fb7caae92' +
    '00159921435a5e44c8d76f5fa599d86ea430732a593df99afbae7ed0c25a59fa',
  'transfer.simulation/1': 'f4a88e4f1cb64c179e085f7e7aef6c7e258b5f8bc7ba589e497cc2cbc05847fe',
  'transfer.simulation/2': '806a4d75c8c306a899f960d9169d86788174c0cb0d3264613bcf0b565d748079',
  'transfer.simulation/3': '51626250bf01ea6eaebb08f313523866f56588cee4c12795e24b3cfddf92c4f5',
  'ratatoskr.session/1': 'e64c61e86da9ffd265898fa9b4c6bfa824dfa93c480c345d13486afbb7585e17',
};

/** The case with the digest that it has to give. Throws Error for a run that has none. */
export function pinned(item: Case): Case {
  if (item.section !== RECORDED_RUNS) return item;
  const output = PINNED[item.id];
  if (!output) throw new Error(`${item.id}: no digest is pinned`);
  return { ...item, expected: { output } };
}
