/**
 * A process that receives a file until it is killed: FOLDER SIZE SEED ORDER, the order of chunks as
 * JSON. Tells the numbers of the chunks that it had (an array) and then each that it has written.
 */
import { chunksOf, openPart, testFile } from './part-world.ts';

const [folder = '', size, seed, order = ''] = process.argv.slice(2);
const file = testFile(Number(size), Number(seed));
const part = await openPart(folder, file.offer);
await part.keepValues(file.values);
process.send?.(chunksOf(part));
for (const index of JSON.parse(order) as number[]) {
  if (part.have.has(index)) continue;
  await part.write(index, file.chunks[index] as Uint8Array);
  process.send?.(index);
}
// All is there: the kill finds it at rest.
setInterval(() => undefined, 1000);
