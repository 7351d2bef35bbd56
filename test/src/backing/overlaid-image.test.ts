// Stores over an image against plain copies of it: whatever is written to the file or to a store, each shows what it must, and the file
// can be put back.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ImageAccess, OverlaidImage } from '../../../src/backing/overlaid-image.ts';
import type { SparseMemory } from '../../../src/backing/sparse-memory.ts';

const CHUNK = 16384;

/** A file in memory, and how often it was read. */
class FakeFile implements ImageAccess {
  bytes = Buffer.alloc(0);
  reads = 0;

  get size(): number {
    return this.bytes.length;
  }

  read(target: Uint8Array, offset: number): number {
    this.reads++;
    const part = this.bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  write(source: Uint8Array, offset: number): void {
    const end = offset + source.length;
    if (end > this.size) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(end - this.size)]);
    this.bytes.set(source, offset);
  }

  truncate(size: number): void {
    this.bytes = this.bytes.subarray(0, size);
  }
}

/** What a store holds, zeros behind its end. */
function contentOf(store: SparseMemory, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  store.read(bytes, 0);
  return bytes;
}

const padded = (bytes: Uint8Array, length: number) =>
  Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))]).subarray(0, length);

const overlaid = suite('overlaid image');

overlaid('each store shows the file of its moment, and the file goes back to any of them', () => {
  const length = 6 * CHUNK;
  const step = fc.record({
    action: fc.constantFrom('write', 'write', 'write', 'fork', 'store', 'rewind'),
    which: fc.nat(10),
    offset: fc.nat(5 * CHUNK),
    length: fc.integer({ min: 1, max: CHUNK }),
    value: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const file = new FakeFile();
      const image = new OverlaidImage(() => file);
      // a moment, and a store over it that is written to
      const moments: { past: SparseMemory; file: Buffer; store: SparseMemory; plain: Buffer }[] = [];
      for (const { action, which, offset, length: count, value } of steps) {
        const bytes = new Uint8Array(count).fill(value);
        const moment = moments[which % Math.max(1, moments.length)];
        if (action === 'write') {
          image.beforeWrite(offset, count);
          file.write(bytes, offset);
        } else if (action === 'fork') {
          const past = image.fork();
          const plain = padded(file.bytes, length);
          moments.push({ past, file: Buffer.from(file.bytes), store: past.fork(), plain });
        } else if (action === 'store' && moment !== undefined) {
          moment.store.write(bytes, offset);
          moment.plain.set(bytes.subarray(0, Math.max(0, length - offset)), offset);
        } else if (action === 'rewind' && moment !== undefined) {
          image.rewind(moment.past);
          assert.ok(file.bytes.equals(moment.file), 'the file is what it was');
        }
      }
      for (const moment of moments) {
        assert.ok(contentOf(moment.past, length).equals(padded(moment.file, length)));
        assert.ok(contentOf(moment.store, length).equals(moment.plain));
        assert.is(moment.past.size, moment.file.length);
      }
    }),
    { seed: 31, numRuns: 500 },
  );
});

overlaid('nothing is read or kept before a write when nobody looks', () => {
  const file = new FakeFile();
  const image = new OverlaidImage(() => file);
  image.beforeWrite(0, CHUNK);
  assert.is(file.reads, 0);
  const store = image.fork(5 * CHUNK);
  assert.is(store.size, 5 * CHUNK, 'a drive may be larger than its file');
  image.beforeWrite(0, 2 * CHUNK);
  image.beforeWrite(0, 2 * CHUNK);
  assert.is(file.reads, 2, 'each chunk once');
  assert.is(store.heldBytes, 0);
});

overlaid('a store of another image is refused', () => {
  const image = () => new OverlaidImage(() => new FakeFile());
  assert.throws(() => image().rewind(image().fork()), /not a store of this image/);
});

overlaid.run();
