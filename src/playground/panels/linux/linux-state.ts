// What the page knows of the Linux guest, and what a reader can do with it.
//
// Verbs: boot, typeText, runCommand, plugLinux, chooseFiles, quit. The guest is in a worker of its own; its console is kept here, so that the
// panel may close and open again.

import { effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import { FILE_NAMES, kernelFault, type LinuxFileKind, recognise } from '../../linux/files.ts';
import { isAtPrompt, panicOf } from '../../linux/guided.ts';
import { openScreen, type Row, type Screen } from '../../linux/screen.ts';
import { type Stake, stake, warnOnClosing } from '../../live/leaving.ts';
import { LiveRuns, type LiveWorker, startLive } from '../../live/live.ts';
import { tellCut } from '../../live/power.tsx';
import type { GuestOptions, PlugChoice } from '../../worker/live-protocol.ts';

/** off: no power; starting: files are read, the emulator is loaded; running: the processor runs; atPrompt: the shell waits. */
export type Phase = 'off' | 'starting' | 'running' | 'atPrompt';

export const phase = signal<Phase>('off');
/** The disk is there from an earlier boot: its size is settled. */
export const hasDisk = signal(false);
export const options = signal<GuestOptions>({
  memoryMib: 128,
  diskMib: 64,
  isKept: false,
  cacheMode: 'none',
});
export const chosen = signal<Partial<Readonly<Record<LinuxFileKind, File>>>>({});
export const choice = signal<PlugChoice>({ choose: 'none', seed: 0 });
export const fault = signal<string | undefined>(undefined);
export const news = signal<string | undefined>(undefined);
export const rows = signal<readonly Row[]>([]);
/** What the last boot took up to the first prompt. */
export const bootSeconds = signal<number | undefined>(undefined);
/** What the disk has served since it was made or unplugged, in words. */
export const served = signal<string | undefined>(undefined);

/** What goes when something else takes the lanes. */
function stakeOf(isRunning: boolean, isKept: boolean): Stake {
  const disk = isKept
    ? 'Its disk is kept in this browser, with what had reached it.'
    : 'Its disk is in memory only, and goes with it.';
  return isRunning
    ? {
        title: 'Switch Linux off?',
        loss: `Linux runs here, and what you open now ends it. What its programs have not synced is lost. ${disk}`,
        stay: 'Stay with Linux',
        leave: 'Switch it off',
      }
    : {
        title: 'Give up Linux’s disk?',
        loss: `Linux has no power, and waits to be booted again. ${disk}`,
        stay: 'Keep it',
        leave: 'Give it up',
      };
}

effect(() => {
  const isRunning = phase.value === 'running' || phase.value === 'atPrompt';
  const { isKept } = options.value;
  const isAtStake = isRunning || (hasDisk.value && !isKept);
  stake.value = isAtStake ? stakeOf(isRunning, isKept) : undefined;
  warnOnClosing(isRunning);
});

const runs = new LiveRuns('linux', () => void leave());
let worker: LiveWorker | undefined;
let screen: Screen | undefined;
let bootedAt: number | undefined;
let isDrawing = false;
let hasOutput = false;
let silence: ReturnType<typeof setTimeout> | undefined;
/** A machine half as fast as most says something in less. */
const SILENCE_SECONDS = 60;

function machine(): LiveWorker {
  worker ??= startLive((message) => {
    fault.value = message;
    phase.value = 'off';
  });
  return worker;
}

/** Whether it went well; else `fault` says what did not. */
async function trying(body: () => Promise<void>): Promise<boolean> {
  fault.value = undefined;
  try {
    await body();
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    fault.value = /memory|allocat/i.test(message)
      ? `The browser has not enough memory for this guest: ${message}`
      : message;
    return false;
  }
}

/** Boots the guest: on a new disk, or on what the last power cut left. */
export async function boot(): Promise<void> {
  if (phase.value !== 'off') return;
  phase.value = 'starting';
  news.value = undefined;
  bootSeconds.value = undefined;
  const isStarted = await trying(async () => {
    screen ??= await openScreen((text) => void typeText(text));
    screen.clear();
    rows.value = [];
    bootedAt = performance.now();
    hasOutput = false;
    clearTimeout(silence);
    silence = setTimeout(tellSilence, SILENCE_SECONDS * 1000);
    await machine().guest.boot(chosen.value, options.value, runs.onRun, runs.onPart, proxy(take));
    hasDisk.value = true;
  });
  if (!isStarted) phase.value = 'off';
  else if (phase.value === 'starting') phase.value = 'running';
}

/** Output of the guest. */
async function take(bytes: Uint8Array): Promise<void> {
  hasOutput = true;
  await screen?.write(bytes);
  draw();
}

/** Once a frame at most: a guest may print much. */
function draw(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    if (screen === undefined || phase.value === 'off') return;
    rows.value = screen.rows();
    const panic = bootedAt === undefined ? undefined : panicOf(screen.text());
    if (panic !== undefined) {
      giveUp(panic);
      return;
    }
    phase.value = isAtPrompt(screen.text()) ? 'atPrompt' : 'running';
    if (phase.value === 'atPrompt') rest();
  });
}

/** The shell waits: what a command has cost the disk can be told. */
function rest(): void {
  if (bootedAt !== undefined) bootSeconds.value = (performance.now() - bootedAt) / 1000;
  bootedAt = undefined;
  void trying(async () => {
    const told = await machine().guest.served();
    served.value = `${told.reads} reads, ${told.writes} writes, ${told.flushes} flushes, ${told.discards} discards, ${told.writeZeroes} write-zeroes`;
  });
}

/** A kernel that panics before there was a shell starts again and again: it is ended. */
function giveUp(panic: string): void {
  quit();
  fault.value = `The kernel gave up: ${panic}. Does the initramfs have a program /init, and does it belong to this kernel?`;
}

/** A kernel that knows nothing of a serial console says nothing, and neither does one that stands. */
function tellSilence(): void {
  if (!hasOutput && phase.value === 'running')
    news.value = `Nothing has come from its console for ${SILENCE_SECONDS} s. A kernel without a serial driver stays silent; pull the plug and begin anew with another one, or wait.`;
}

export async function typeText(text: string): Promise<void> {
  if (phase.value !== 'off' && text !== '') await machine().guest.type(text);
}

/** Types a command for the reader. */
export function runCommand(command: string): Promise<void> {
  phase.value = 'running';
  return typeText(`${command}\r`);
}

/** The power goes now, whatever the guest is doing. */
export async function plugLinux(): Promise<void> {
  phase.value = 'off';
  await trying(async () => {
    const told = await machine().guest.plug(choice.value);
    news.value = `${tellCut(told)} Boot again to see what the file system makes of it.`;
  });
}

/** Forgets the guest and, unless the browser keeps it, its disk. */
export function quit(): void {
  worker?.stop();
  worker = undefined;
  phase.value = 'off';
  hasDisk.value = false;
  rows.value = [];
  news.value = undefined;
  fault.value = undefined;
  served.value = undefined;
}

/** Another scene has taken the lanes: the guest is switched off, and what its host and its drive still had is written. */
async function leave(): Promise<void> {
  const [left, { isKept }] = [worker, options.value];
  worker = undefined;
  quit();
  news.value = `Another scene has the lanes now, and Linux was switched off. ${
    isKept ? 'Its disk is kept: boot it again to find what had reached it.' : 'Its disk went with it.'
  }`;
  await left?.guest.end();
  left?.stop();
}

/** Takes files of the reader's own, each for what it is by its bytes. */
export function chooseFiles(files: readonly File[]): Promise<boolean> {
  return trying(async () => {
    const found: Partial<Record<LinuxFileKind, File>> = {};
    for (const file of files) {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const kind = recognise(bytes);
      if (bytes.length === 0) throw new Error(`${file.name} is empty.`);
      if (kind === undefined)
        throw new Error(
          `${file.name} is nothing that a guest starts from: not ${Object.values(FILE_NAMES).join(', not ')}.`,
        );
      const why = kind === 'kernel' ? kernelFault(bytes) : undefined;
      if (why !== undefined) throw new Error(`${file.name} ${why}`);
      found[kind] = file;
    }
    quit();
    chosen.value = { ...chosen.value, ...found };
  });
}
