// A small Linux for i386 out of Debian's packages: a kernel, an initramfs, and a BIOS to start it.
//
// Verbs: debianSystem. apt fetches the packages into a folder of its own, with a configuration of its own: the system's list of
// architectures and packages is not touched. What is made of them is kept in the system's temporary folder, so that the
// next run needs no network. Nothing of it is part of this repository: kernel, busybox and e2fsprogs are GPL.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Entry, initramfs } from './initramfs.ts';

const SOURCE =
  'deb [arch=i386 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main\n';
const KERNEL = 'linux-image-686';
const PACKAGES = [
  'busybox-static',
  'e2fsprogs',
  'libblkid1',
  'libc6',
  'libcom-err2',
  'libext2fs2',
  'libuuid1',
  'seabios',
];
const MODULES = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4'];
const PROGRAMS = ['bin/busybox', 'sbin/mke2fs', 'sbin/e2fsck'];
const LIBRARIES = [
  'ld-linux.so.2',
  'libblkid.so.1',
  'libc.so.6',
  'libcom_err.so.2',
  'libe2p.so.2',
  'libext2fs.so.2',
  'libuuid.so.1',
];
const FOLDERS = ['bin', 'dev', 'lib', 'lib/modules', 'mnt', 'proc', 'sbin', 'sys'];
const LIBRARY_FOLDERS = ['lib/i386-linux-gnu', 'usr/lib/i386-linux-gnu'];
/** Where the initramfs names its modules, in the order to load them. */
export const MODULE_LIST = 'lib/modules/list';

export interface DebianSystem {
  readonly kernel: Uint8Array;
  /** Everything but /init. */
  readonly initramfs: Uint8Array;
  readonly bios: Uint8Array;
  readonly vgaBios: Uint8Array;
}

const FILES = {
  kernel: 'vmlinuz',
  initramfs: 'initramfs',
  bios: 'bios.bin',
  vgaBios: 'vgabios.bin',
} as const;

/** A program could not do what it was asked; the message says which and why. */
class Refusal extends Error {}

/** The system, or a line that tells why there is none. */
export function debianSystem(): DebianSystem | string {
  const recipe = JSON.stringify([SOURCE, KERNEL, PACKAGES, MODULES, PROGRAMS, LIBRARIES, FOLDERS]);
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const folder = path.join(tmpdir(), `sectorlab-debian-i386-${key}`);
  try {
    if (!existsSync(folder)) fetchInto(folder);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  const read = (name: keyof typeof FILES) => new Uint8Array(readFileSync(path.join(folder, FILES[name])));
  return {
    kernel: read('kernel'),
    initramfs: read('initramfs'),
    bios: read('bios'),
    vgaBios: read('vgaBios'),
  };
}

/** Makes the folder at once and whole: under another name until it is. */
function fetchInto(folder: string): void {
  const work = mkdtempSync(path.join(tmpdir(), 'sectorlab-debian-'));
  try {
    const root = path.join(work, 'root');
    fetchPackages(work, root);
    const made = path.join(work, 'made');
    mkdirSync(made);
    const boot =
      readdirSync(path.join(root, 'boot')).find((name) => name.startsWith('vmlinuz-')) ?? 'vmlinuz';
    const contents = {
      kernel: readFileSync(path.join(root, 'boot', boot)),
      initramfs: initramfs(entries(root)),
      bios: readFileSync(path.join(root, 'usr/share/seabios/bios.bin')),
      vgaBios: readFileSync(path.join(root, 'usr/share/seabios/vgabios-stdvga.bin')),
    };
    for (const name of Object.keys(FILES) as (keyof typeof FILES)[])
      writeFileSync(path.join(made, FILES[name]), contents[name]);
    if (!existsSync(folder)) renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function fetchPackages(work: string, root: string): void {
  const packages = path.join(work, 'packages');
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'packages', 'root'])
    mkdirSync(path.join(work, name), { recursive: true });
  writeFileSync(path.join(work, 'sources.list'), SOURCE);
  writeFileSync(path.join(work, 'status'), '');
  const configuration = path.join(work, 'apt.conf');
  writeFileSync(
    configuration,
    `APT::Architecture "i386";
APT::Architectures { "i386"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "${work}/state";
Dir::State::status "${work}/status";
Dir::Cache "${work}/cache";
Dir::Etc::sourcelist "${work}/sources.list";
Dir::Etc::sourceparts "-";
`,
  );
  const apt = (program: string, ...options: string[]) =>
    run(program, options, packages, { ...process.env, LC_ALL: 'C', APT_CONFIG: configuration });
  apt('apt-get', '--quiet', '--error-on=any', 'update');
  const kernel = /Depends: (linux-image-\S+)/.exec(apt('apt-cache', 'depends', KERNEL))?.[1];
  if (kernel === undefined) throw new Refusal(`apt-cache knows no kernel behind ${KERNEL}`);
  apt('apt-get', '--quiet', 'download', kernel, ...PACKAGES);
  for (const name of readdirSync(packages))
    run('dpkg-deb', ['--extract', path.join(packages, name), root], work);
}

/** What the program prints. */
function run(program: string, options: readonly string[], cwd: string, env = process.env): string {
  const { status, stdout, stderr, error } = spawnSync(program, options, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 240_000,
  });
  if (status === 0) return stdout;
  const lines = (error?.message ?? stderr).split('\n');
  const why = lines.find((line) => line.startsWith('E:')) ?? lines[0];
  throw new Refusal(`${program} ${options.join(' ')} failed: ${why}`);
}

/** Files of the initramfs, out of the unpacked packages. */
function entries(root: string): Entry[] {
  const modules = findModules(path.join(root, 'lib/modules'));
  const library = (name: string) =>
    LIBRARY_FOLDERS.map((folder) => path.join(root, folder, name)).find(existsSync) ?? name;
  return [
    ...FOLDERS.map((name) => ({ name, isFolder: true, bytes: new Uint8Array(0) })),
    ...PROGRAMS.map((name) => ({ name, bytes: readFileSync(path.join(root, name)) })),
    ...LIBRARIES.map((name) => ({ name: `lib/${name}`, bytes: readFileSync(library(name)) })),
    ...modules.map(([name, bytes]) => ({ name: `lib/modules/${name}.ko`, bytes })),
    { name: MODULE_LIST, bytes: new TextEncoder().encode(modules.map(([name]) => `${name}\n`).join('')) },
  ];
}

/** MODULES and what they depend on, each after what it needs, as their own `depends=` tells. */
function findModules(folder: string): [name: string, bytes: Buffer][] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const found = new Map<string, Buffer>();
  const add = (name: string): void => {
    if (found.has(name)) return;
    const file = paths.find((each) => path.basename(each).replaceAll('-', '_') === `${name}.ko`);
    if (file === undefined) throw new Refusal(`the kernel's package has no module ${name}`);
    const bytes = readFileSync(path.join(folder, file));
    const needs = /\0depends=([^\0]*)\0/.exec(bytes.toString('latin1'))?.[1] ?? '';
    for (const needed of needs.split(',').filter((each) => each !== '')) add(needed.replaceAll('-', '_'));
    found.set(name, bytes);
  };
  for (const name of MODULES) add(name);
  return [...found];
}
