// ^C in the middle of `sectorlab replay`: what was measured so far is printed, marked as such, within a second, and the
// exit status is 130. The trace is a named pipe, so the test knows how far the process has read: no clock is needed.

import { spawnSync } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReplayReport } from '../../../src/replay/report.ts';
import { withFolder } from '../replay/support.ts';
import { type Outcome, type Started, startCli } from './support.ts';

const stop = suite('cli/replay-stop');

const HEADER = 'fio version 2 iolog\na add\na open\n';
const BLOCK = Array.from({ length: 1000 }, (_, index) => `a write ${index * 65536} 65536\n`).join('');
/** Far more than a pipe and the reader's buffers hold, so that requests have been played when it is taken. */
const BYTES = 4 * 2 ** 20;
const WITHIN_MS = 1000;

function pipeIn(folder: string): string {
  const pipe = path.join(folder, 'trace.pipe');
  const { status, stderr } = spawnSync('mkfifo', [pipe], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return pipe;
}

/** Writes until the reader has gone; true while it is there. Opening waits for the reader. */
async function feed(pipe: FileHandle, text: string): Promise<boolean> {
  try {
    await pipe.write(text);
    return true;
  } catch (error) {
    assert.is((error as { code?: string }).code, 'EPIPE');
    return false;
  }
}

interface Interrupted extends Outcome {
  readonly tookMs: number;
}

async function interrupt({ child, outcome }: Started): Promise<Interrupted> {
  const start = performance.now();
  child.kill('SIGINT');
  const result = await outcome;
  return { ...result, tookMs: performance.now() - start };
}

/** Starts a replay of a pipe that never ends, and interrupts it after BYTES. */
async function interruptInTheMiddle(args: readonly string[]): Promise<Interrupted> {
  return withFolder(async (folder) => {
    const pipe = pipeIn(folder);
    const started = startCli(['replay', pipe, ...args]);
    const writer = await open(pipe, 'w');
    await feed(writer, HEADER);
    for (let sent = 0; sent < BYTES; sent += BLOCK.length) {
      assert.ok(await feed(writer, BLOCK), 'the replay ended by itself');
    }
    const result = interrupt(started);
    while (await feed(writer, BLOCK));
    await writer.close();
    return result;
  });
}

stop('^C prints what was played so far, marked as interrupted, and exits 130 within a second', async () => {
  const { code, stdout, stderr, tookMs } = await interruptInTheMiddle(['--json', '--payload', 'none']);
  assert.is(code, 130);
  assert.is(stderr, '');
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
  const report = JSON.parse(stdout) as ReplayReport;
  assert.is(report.interrupted, true);
  assert.ok(report.player.requests > 0);
  assert.ok(report.player.requests <= report.trace.requests);
  assert.is(report.latencyNs.write.count, report.player.requests);
});

stop('^C while bytes are moved and checked does the same, and says so to people', async () => {
  const { code, stdout, tookMs } = await interruptInTheMiddle(['--cache', '4MiB']);
  assert.is(code, 130);
  assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
  assert.match(stdout, /^stopped before the end, after [\d,]+ requests: the figures are those so far$/m);
  assert.match(stdout, /^time /m);
  assert.not.match(stdout, /NaN|undefined/);
});

stop('^C while a pipe is silent prints the report and ends the process', async () => {
  await withFolder(async (folder) => {
    const pipe = pipeIn(folder);
    const started = startCli(['replay', pipe, '--json']);
    const writer = await open(pipe, 'w');
    // 64 KiB find the format; the pipe takes no more than 64 KiB beyond what was read
    await feed(writer, HEADER);
    for (let sent = 0; sent < 2 ** 19; sent += BLOCK.length) await feed(writer, BLOCK);
    const { code, signal, stdout, tookMs } = await interrupt(started);
    await writer.close();
    assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
    assert.is((JSON.parse(stdout) as ReplayReport).interrupted, true);
    // a read that never returns can only be left by the signal itself, which a shell shows as 130 too
    assert.ok(code === 130 || signal === 'SIGINT', `${code} ${signal}`);
  });
});

stop('^C before the trace says anything ends the process with one line', async () => {
  await withFolder(async (folder) => {
    const pipe = pipeIn(folder);
    const started = startCli(['replay', pipe]);
    const writer = await open(pipe, 'w');
    const { code, signal, stdout, stderr, tookMs } = await interrupt(started);
    await writer.close();
    assert.ok(tookMs < WITHIN_MS, `${tookMs} ms`);
    assert.is(stdout, '');
    assert.is(stderr, `sectorlab: ${pipe}: stopped before the trace could be read\n`);
    assert.ok(code === 130 || signal === 'SIGINT', `${code} ${signal}`);
  });
});

stop.run();
