// A trace that fio has just written: its counts are what fio itself reports, and every read of the replay is right.
//
// fio (Debian package `fio`, 3.33) runs small jobs on a file in a temporary folder with --write_iolog; the command line
// replays the log onto a real image and reads everything back.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReplayReport } from '../../src/replay/report.ts';

const FIO = '/usr/bin/fio';
const cli = fileURLToPath(new URL('../../dist/cli/sectorlab.js', import.meta.url));

/** What the jobs have in common; 4 MiB of file, 6 MiB of I/O. */
const COMMON = ['--name=j', '--size=4M', '--io_size=6M', '--randseed=7', '--output-format=json'];

const JOBS: Readonly<Record<string, readonly string[]>> = {
  'random reads and writes of any length at any byte, synced': [
    ...['--rw=randrw', '--bsrange=512-16k', '--bs_unaligned=1', '--fsync=20'],
  ],
  'sequential writes with fdatasync': ['--rw=write', '--bs=64k', '--fdatasync=8'],
  'skewed 4 KiB writes and reads': ['--rw=randrw', '--bs=4k', '--random_distribution=zipf:1.1'],
};

interface FioJob {
  readonly read: { readonly total_ios: number; readonly io_bytes: number };
  readonly write: { readonly total_ios: number; readonly io_bytes: number };
  readonly sync: { readonly total_ios: number };
}

const peer = suite('fio');

if (spawnSync(FIO, ['--version']).status !== 0) {
  console.log(`SKIPPED: logs of a real fio: ${FIO} is missing; install it with: apt-get install fio`);
} else {
  for (const [name, options] of Object.entries(JOBS)) {
    peer(name, () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'sectorlab-fio-'));
      try {
        const log = path.join(folder, 'log');
        const disk = path.join(folder, 'disk');
        const arguments_ = [...COMMON, ...options, `--filename=${disk}`, `--write_iolog=${log}`];
        const said = JSON.parse(execFileSync(FIO, arguments_, { encoding: 'utf8' })) as { jobs: FioJob[] };
        const job = said.jobs[0] as FioJob;
        const image = path.join(folder, 'image');
        const report = JSON.parse(
          execFileSync(process.execPath, [cli, 'replay', log, '--json', '--reopen', '--image', image], {
            encoding: 'utf8',
          }),
        ) as ReplayReport;
        assert.is(report.trace.reads, job.read.total_ios);
        assert.is(report.trace.readBytes, job.read.io_bytes);
        assert.is(report.trace.writes, job.write.total_ios);
        assert.is(report.trace.writeBytes, job.write.io_bytes);
        // fio counts no fdatasync, so the log's own lines are counted too
        const syncs = readFileSync(log, 'utf8').match(/ (?:data)?sync /g)?.length ?? 0;
        assert.is(report.trace.flushes, syncs);
        if (options.some((option) => option.startsWith('--fsync='))) assert.is(syncs, job.sync.total_ios);
        assert.is(report.aio.completed, report.trace.requests);
        assert.is(report.verify.mismatches, 0);
        assert.is(report.verify.reopenedMismatches, 0);
        assert.ok((report.verify.reopenedSectors ?? 0) > 0);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

peer.run();
