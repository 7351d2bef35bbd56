// test-timeout: 120 seconds
// A log over the image that the drive began with is what the drive holds: at the end, and at every mark.
//
// Random programs on two drives: merging, held and reordered completions, discards, write-zeroes, FUA, PREFLUSH, write-back.
// A log changes nothing that happens, and is the same stream whatever its buffer holds.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SparseMemory } from '../../../src/backing/sparse-memory.ts';
import { exportDmLogWrites } from '../../../src/write-log/dm-export.ts';
import { importDmLogWrites } from '../../../src/write-log/dm-import.ts';
import type { WriteLog } from '../../../src/write-log/entries.ts';
import { replayWriteLog } from '../../../src/write-log/replay.ts';
import { LogWriter } from '../../../src/write-log/writer.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { bytesOf, configFor, programs, runProgram, type Step, startImages } from './programs.ts';

const RUNS = 16;
const replay = suite('replay of a write log');

function streamOf(log: WriteLog): Uint8Array {
  const bytes = new Uint8Array(log.bytes);
  log.source.read(bytes, 0);
  return bytes;
}

for (const build of BUILDS) {
  replay(`${build}: at the end and at every mark the log gives the bytes of the drives`, async () => {
    await fc.assert(
      fc.asyncProperty(programs(), async (program) => {
        const begin = startImages();
        const machine = await openMachine(build, {
          ...configFor(begin.map((image) => image.fork())),
          writeLog: true,
        });
        const moments: { readonly end: number; readonly images: Uint8Array[] }[] = [];
        const note = (): void => {
          moments.push({
            end: machine.writeLog.bytes,
            images: [0, 1].map((number) => bytesOf(machine.memory(number))),
          });
        };
        runProgram(machine, program, note);
        note();
        const log = machine.writeLog.snapshot();
        assert.is(log.tornTail(), undefined);
        for (const { end, images } of moments) {
          for (const drive of [0, 1]) {
            const image = begin[drive]?.fork() as SparseMemory;
            replayWriteLog(log, image, { drive, end });
            assert.equal(bytesOf(image), images[drive]);
          }
        }
        const marks = [...log.entries()].flatMap((entry) => (entry.kind === 'mark' ? [entry.text] : []));
        assert.equal(
          marks,
          program.flatMap((step) => (step.kind === 'mark' ? [step.text] : [])),
        );
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      }),
      { numRuns: RUNS, seed: 1 },
    );
  });

  replay(`${build}: every request that is submitted completes once, and its parts cover it`, async () => {
    await fc.assert(
      fc.asyncProperty(programs(), async (program) => {
        const machine = await openMachine(build, { ...configFor(startImages()), writeLog: { buffer: 64 } });
        runProgram(machine, program);
        const entries = [...machine.writeLog.entries()];
        const inFlight = new Set<number>();
        let submitted = 0;
        entries.forEach((entry, index) => {
          if (entry.kind === 'submit') {
            assert.is(entry.number, ++submitted);
            inFlight.add(entry.number);
            let end = entry.sector;
            let at = index + 1;
            for (let part = entries[at]; part?.kind === 'part'; part = entries[++at]) {
              assert.equal([part.number, part.sector], [entry.number, end]);
              end += part.sectorCount;
            }
            // no part, or all of them, each with its bytes' tag
            if (at > index + 1) assert.is(end, entry.sector + entry.sectorCount);
          } else if (entry.kind === 'complete') {
            assert.ok(inFlight.delete(entry.number));
            assert.is(entry.result, 0);
          }
        });
        assert.is(inFlight.size, 0);
        assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
      }),
      { numRuns: RUNS, seed: 2 },
    );
  });

  replay(`${build}: a log changes no record, no time and no counter`, async () => {
    const isNoMark = ({ kind }: Step): boolean => kind !== 'mark';
    await fc.assert(
      fc.asyncProperty(programs(), fc.constantFrom(64, 800, 1048576), async (program, buffer) => {
        const steps = program.filter(isNoMark);
        const run = async (writeLog: boolean) => {
          const machine = await openMachine(build, {
            ...configFor(startImages()),
            writeLog: writeLog ? { buffer } : false,
          });
          runProgram(machine, steps);
          const { writeLog: logged, ...counters } = machine.counters;
          return { told: [machine.recordHash, machine.nowNs, counters], entries: logged.entries };
        };
        const [off, on] = [await run(false), await run(true)];
        assert.equal(on.told, off.told);
        assert.is(off.entries, 0);
      }),
      { numRuns: RUNS, seed: 3 },
    );
  });

  replay(
    `${build}: without holds and FUA the export in dm-log-writes' order gives the same bytes`,
    async () => {
      await fc.assert(
        fc.asyncProperty(programs(true), async (program) => {
          const begin = startImages();
          const machine = await openMachine(build, {
            ...configFor(begin.map((image) => image.fork())),
            writeLog: true,
          });
          runProgram(machine, program);
          for (const drive of [0, 1]) {
            const exported = exportDmLogWrites(machine.writeLog.snapshot(), { drive });
            const image = begin[drive]?.fork() as SparseMemory;
            replayWriteLog(importDmLogWrites(exported.bytes()).log, image);
            assert.equal(bytesOf(image), bytesOf(machine.memory(drive)));
          }
          assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        }),
        { numRuns: RUNS / 2, seed: 4 },
      );
    },
  );
}

replay('the stream is the same for every size of the buffer', async () => {
  const [program] = fc.sample(programs(), { numRuns: 1, seed: 12 }) as [Step[]];
  const run = async (buffer: number) => {
    const machine = await openMachine('release', { ...configFor(startImages()), writeLog: { buffer } });
    runProgram(machine, program);
    const { bytes } = machine.writeLog;
    const spilled = machine.counters.writeLog.spilledBytes;
    return { stream: streamOf(machine.writeLog.snapshot()), bytes, spilled };
  };
  const expected = await run(1048576);
  assert.ok(expected.bytes > 8192);
  assert.is(expected.spilled, 0);
  for (let buffer = 64; buffer <= 1600; buffer += 24) {
    const { stream, bytes, spilled } = await run(buffer);
    assert.is(bytes, expected.bytes);
    assert.equal(stream, expected.stream, `${buffer} bytes`);
    assert.ok(spilled > bytes - 1600 - 9 * 512 && spilled <= bytes);
  }
});

replay('a long range of zeros is replayed', () => {
  const writer = new LogWriter();
  const image = new SparseMemory(1048576);
  image.write(new Uint8Array(1048576).fill(9), 0);
  writer.submit({ operation: 'discard', sector: 1, sectorCount: 2000 });
  assert.is(replayWriteLog(writer.log(), image), 1);
  const bytes = new Uint8Array(1048576);
  image.read(bytes, 0);
  assert.is(bytes.indexOf(0), 512);
  assert.is(bytes.indexOf(9, 512), 512 * 2001);
});

replay.run();
