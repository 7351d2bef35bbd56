// `npm run playground:linux`: makes a small Linux out of Debian's packages and puts it beside the built page.
//
// Verbs: makeLinux. The page loads it from there when a reader boots it, and from nowhere else. Kernel, busybox and e2fsprogs are GPL: the
// files are made on the machine that serves them and are part of neither the repository nor the package.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LINUX_FILES } from '../files.ts';
import { type DebianSystem, debianSystem } from './debian.ts';
import { GUIDE_INIT } from './guide.ts';
import { initramfs } from './initramfs.ts';

const PAGE = fileURLToPath(new URL('../../../../dist/playground/', import.meta.url));

/** The four files by what they are, with a first program for somebody at the console. */
export function consoleSystem(system: DebianSystem): Record<keyof typeof LINUX_FILES, Uint8Array> {
  const init = initramfs([{ name: 'init', bytes: new TextEncoder().encode(GUIDE_INIT) }]);
  return {
    kernel: system.kernel,
    initramfs: Buffer.concat([system.initramfs, init]),
    bios: system.bios,
    vgaBios: system.vgaBios,
  };
}

/** Writes the files below `folder`, the built page's. A line that tells why there are none, or undefined. */
export function makeLinux(folder: string): string | undefined {
  const system = debianSystem();
  if (typeof system === 'string') return system;
  const files = consoleSystem(system);
  mkdirSync(path.join(folder, 'linux'), { recursive: true });
  for (const [kind, name] of Object.entries(LINUX_FILES))
    writeFileSync(path.join(folder, name), files[kind as keyof typeof LINUX_FILES]);
  return undefined;
}

function main(): void {
  if (!existsSync(path.join(PAGE, 'index.html'))) {
    console.error('there is no page yet; build it with: npm run build:playground');
    process.exitCode = 2;
    return;
  }
  const why = makeLinux(PAGE);
  if (why !== undefined) {
    console.error(why);
    process.exitCode = 1;
    return;
  }
  console.log(`made ${Object.values(LINUX_FILES).join(', ')} in ${path.relative(process.cwd(), PAGE)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
