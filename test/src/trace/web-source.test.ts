// The bytes of a browser's trace are those of Node: every member, and the same words for what is broken, however the chunks fall.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSource } from '../../../src/trace/node-source.ts';
import type { Source } from '../../../src/trace/source.ts';
import { openWebSource } from '../../../src/trace/web-source.ts';
import { packedFiles } from './packed.ts';
import { cut, join, pack } from './support.ts';

const web = suite('trace/web-source');
const TEXT = Array.from({ length: 300 }, (_, index) => `${index} a write ${index * 7919} 4096\n`).join('');
const SIZES = [[1_000_000], [4096], [1], [2, 300, 7]];

/** All that it holds, or what is wrong with it. */
async function contentOf(opening: Promise<Source>): Promise<Uint8Array | string> {
  const { content, close } = await opening;
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of content.copies()) pieces.push(piece);
    return join(pieces);
  } catch (error) {
    return (error as Error).message;
  } finally {
    await close();
  }
}

async function assertSame(bytes: Uint8Array, sizes: readonly number[]): Promise<Uint8Array | string> {
  const inNode = await contentOf(openSource(cut(bytes, sizes), 'some.gz', undefined));
  const inBrowser = await contentOf(openWebSource(cut(bytes, sizes), 'some.gz'));
  assert.equal(inBrowser, inNode, `chunks of ${sizes}`);
  return inBrowser;
}

for (const { name, bytes, isWhole } of packedFiles(TEXT))
  web(`${name} ${isWhole ? 'holds every byte' : 'is told of in the words of Node'}`, async () => {
    for (const sizes of SIZES) {
      const content = await assertSame(bytes, sizes);
      if (isWhole) assert.is(new TextDecoder().decode(content as Uint8Array), TEXT);
      else assert.match(content as string, /^some\.gz: the gzip data (stops in the middle|is damaged: \w+)/);
    }
  });

web('members of any content, damaged anywhere or not, read as in Node', async () => {
  const member = fc.uint8Array({ maxLength: 3000 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 3 }),
      fc.option(fc.record({ at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }) })),
      async (members, sizes, damage) => {
        const bytes = join(members.map((content) => pack(content)));
        // the first two bytes say that it is gzip
        if (damage !== null) bytes[2 + (damage.at % (bytes.length - 2))]! ^= damage.flip;
        await assertSame(bytes, sizes);
      },
    ),
    { numRuns: 100 },
  );
});

web('what unpacks to much comes in small pieces', async () => {
  const zeros = pack(new Uint8Array(30_000_000));
  const { content, close } = await openWebSource(cut(zeros, [zeros.length]), 'zeros.gz');
  let total = 0;
  for (let piece = await content.pull(); piece !== undefined; piece = await content.pull()) {
    assert.ok(piece.length <= 65536);
    total += piece.length;
  }
  assert.is(total, 30_000_000);
  await close();
});

web.run();
