// test-timeout: 90 seconds
// The write log of a drive with faults tells what the media got, not what the drive said: replayed, it gives the drive's image.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replayWriteLog } from '../../../src/write-log/replay.ts';
import { BUILDS, NO_POOL_IN_USE, openMachine, poolsInUse } from '../../support/machine.ts';
import { bytesOf, SECTOR, startImages } from './programs.ts';

const FAULTS = [
  'eio',
  'eio errno=ENOSPC',
  'short bytes=1024',
  'lostWrite',
  'misdirectedWrite',
  'tornWrite keep=first:1',
  'tornWrite keep=last:2 unit=1024',
  'tornWrite keep=some errno=EIO',
  'ignoredFlush',
  'ignoredFua',
  'failedFlush',
  'readOnly',
  'latent',
  'enospc room=4096',
] as const;

const requests = fc.array(
  fc.record({
    operation: fc.constantFrom('write', 'write', 'write', 'discard', 'writeZeroes', 'flush'),
    // neighbours are frequent, so that requests merge
    sector: fc.integer({ min: 0, max: 5 }).map((place) => place * 4),
    sectorCount: fc.constantFrom(4, 4, 4, 3, 7),
    value: fc.integer({ min: 1, max: 255 }),
    fua: fc.constantFrom(false, false, false, true),
  }),
  { maxLength: 24 },
);

const faults = suite('faults in a write log');

for (const build of BUILDS) {
  faults(`${build}: whatever the faults, the log over the first image is the last one`, async () => {
    let hits = 0;
    let parts = 0;
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.constantFrom(...FAULTS),
        fc.boolean(),
        async (program, fault, isPlugged) => {
          const image = startImages()[0] as ReturnType<typeof startImages>[number];
          const machine = await openMachine(build, {
            drives: [{ memory: image.fork(), faults: [`${fault} perMillion=400000`] }],
            writeLog: { buffer: 640 },
          });
          const device = machine.blockDevice();
          const submit = (): void => {
            for (const { operation, sector, sectorCount, value, fua } of program) {
              if (operation === 'flush') device.submit({ operation });
              else if (operation === 'write')
                device.submit({
                  operation,
                  sector,
                  data: new Uint8Array(sectorCount * SECTOR).fill(value),
                  fua,
                  tag: value,
                });
              else device.submit({ operation, sector, sectorCount, fua });
            }
          };
          if (isPlugged) device.plug(submit);
          else submit();
          machine.run();
          device.reap();
          replayWriteLog(machine.writeLog.snapshot(), image);
          assert.equal(bytesOf(image), bytesOf(machine.memory()), fault);
          let last: { sector: number; sectorCount: number } | undefined;
          for (const entry of machine.writeLog.entries()) {
            if (entry.kind === 'submit') {
              hits += Number(
                entry.isIgnored ||
                  entry.isTorn ||
                  entry.isFuaIgnored ||
                  entry.sector !== entry.intendedSector,
              );
              last = { sector: entry.intendedSector, sectorCount: entry.sectorCount };
            } else if (entry.kind === 'part' && last !== undefined && entry.sectorCount > 0) {
              parts++;
              // also of a torn write, a part lies in what it is a part of
              assert.ok(entry.sector >= last.sector);
              assert.ok(entry.sector + entry.sectorCount <= last.sector + last.sectorCount);
            }
          }
          assert.equal(poolsInUse(machine), NO_POOL_IN_USE);
        },
      ),
      { numRuns: 60, seed: 9 },
    );
    assert.ok(hits > 30 && parts > 10, `${hits} hits, ${parts} parts`);
  });
}

faults.run();
