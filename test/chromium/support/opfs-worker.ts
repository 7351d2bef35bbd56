// What the tests of OPFS images run in a dedicated worker: one command a message, by name; the answer is a value or an error's code.
//
// A machine that is opened stays open until the command `close`, or until the page goes away.

import { Machine } from '../../../src/browser.ts';
import type { MachineConfig } from '../../../src/core/options.ts';
import type { Machine as AnyMachine } from '../../../src/machine.ts';

let machine: AnyMachine | undefined;

const opened = (): AnyMachine => {
  if (machine === undefined) throw new Error('no machine is open');
  return machine;
};

/** Sizes of the files at the root, by name. */
async function files(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  const root = await navigator.storage.getDirectory();
  for await (const [name, handle] of root.entries())
    if (handle.kind === 'file') found[name] = (await (handle as FileSystemFileHandle).getFile()).size;
  return found;
}

export const commands = {
  async open(config: MachineConfig): Promise<number> {
    machine = await Machine.create(new URL('/core.wasm', location.href), config);
    return machine.blockDevice().sectorCount;
  },
  close: () => opened().close(),
  files,
  async remove(name: string): Promise<void> {
    await (await navigator.storage.getDirectory()).removeEntry(name);
  },
  /** Sectors of one value. */
  write: (sector: number, count: number, value: number) =>
    opened()
      .blockDevice()
      .write(sector, new Uint8Array(512 * count).fill(value)),
  flush: () => opened().blockDevice().flush(),
  /** The first byte of each sector. */
  read: (sector: number, count: number) =>
    [...opened().blockDevice().read(sector, count)].filter((_, index) => index % 512 === 0),
  cutPower: () => opened().cutPower(),
  /** The first bytes of sectors in what a power cut leaves; the machine goes on. */
  crashed: (choose: 'none' | 'all', sector: number, count: number) =>
    [...opened().crash('power', { choose }).blockDevice().read(sector, count)].filter(
      (_, index) => index % 512 === 0,
    ),
  /** Writes after a snapshot, and goes back to it. */
  rewind(sector: number, value: number): number | undefined {
    const snapshot = opened().snapshot();
    commands.write(sector, 1, value);
    opened().restore(snapshot);
    return commands.read(sector, 1)[0];
  },
  putText(path: string, text: string): void {
    opened().fs.writeFile(path, new TextEncoder().encode(text));
  },
  sync: () => opened().fs.sync(),
  getText: (path: string) => new TextDecoder().decode(opened().fs.readFile(path)),
};

export type Commands = typeof commands;

interface Call {
  readonly name: keyof Commands;
  readonly args: unknown[];
}

globalThis.addEventListener('message', async ({ data }: MessageEvent<Call>) => {
  try {
    const body = commands[data.name] as (...args: unknown[]) => unknown;
    postMessage({ value: await body(...data.args) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    postMessage({ error: `${code}: ${message}` });
  }
});
