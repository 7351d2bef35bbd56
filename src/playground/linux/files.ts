// The four files that a guest starts from, and what a file is by its bytes.
//
// Verbs: LINUX_FILES, FILE_NAMES, recognise, kernelFault, missingFiles.

/** Where each lies beside the page once `npm run playground:linux` has made it. */
export const LINUX_FILES = {
  kernel: 'linux/vmlinuz',
  initramfs: 'linux/initramfs.img',
  bios: 'linux/bios.bin',
  vgaBios: 'linux/vgabios.bin',
} as const;

export type LinuxFileKind = keyof typeof LINUX_FILES;

/** What each is called in a sentence. */
export const FILE_NAMES: Readonly<Record<LinuxFileKind, string>> = {
  kernel: 'a kernel (bzImage, 32-bit x86)',
  initramfs: 'an initramfs',
  bios: 'a BIOS (SeaBIOS’ bios.bin)',
  vgaBios: 'a VGA BIOS (SeaBIOS’ vgabios-stdvga.bin)',
};

const KIBI = 1024;
/** Linux x86 boot protocol: "HdrS" behind the jump of the header. */
const HEADER_OFFSET = 0x202;
/** cpio "newc", and what an initramfs may be packed with: gzip, xz, zstd, bzip2, LZMA, LZ4 (legacy frame). */
const ARCHIVES = ['303730373031', '1f8b', 'fd377a58', '28b52ffd', '425a68', '5d0000', '02214c18'];

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** What a file is, or undefined when it is none of them. */
export function recognise(bytes: Uint8Array): LinuxFileKind | undefined {
  const front = hexadecimal(bytes.subarray(0, 8));
  if (hexadecimal(bytes.subarray(HEADER_OFFSET, HEADER_OFFSET + 4)) === '48647253') return 'kernel';
  if (ARCHIVES.some((magic) => front.startsWith(magic))) return 'initramfs';
  if (front.startsWith('55aa') && bytes.length <= 64 * KIBI) return 'vgaBios';
  // the processor begins 16 bytes before the end, with a far jump
  const isRom = bytes.length % (64 * KIBI) === 0 && bytes.length > 0 && bytes.length <= 512 * KIBI;
  return isRom && bytes[bytes.length - 16] === 0xea ? 'bios' : undefined;
}

/** Fields of the header of a bzImage (Documentation/arch/x86/boot.rst), and the protocols that have them. */
const SETUP_SECTORS = 0x1f1;
const PROTECTED_PARAGRAPHS = 0x1f4;
const PROTOCOL = 0x206;
const LOAD_FLAGS = 0x236;
const PROTOCOL_OF_SIZE = 0x204;
const PROTOCOL_OF_FLAGS = 0x20c;
const HAS_64_BIT_ENTRY = 1;
const HEADER_BYTES = 0x238;
/** What a setup of 0 sectors means. */
const DEFAULT_SETUP_SECTORS = 4;

/** Why the guest's processor can not start a kernel, behind the file's name; undefined when nothing is known against it. */
export function kernelFault(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEADER_BYTES)
    return `is cut short: it has ${bytes.length} bytes, and its header is longer.`;
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const protocol = header.getUint16(PROTOCOL, true);
  if (protocol >= PROTOCOL_OF_FLAGS && (header.getUint16(LOAD_FLAGS, true) & HAS_64_BIT_ENTRY) !== 0)
    return 'is a kernel for 64 bits; the guest’s processor has 32. Debian’s linux-image-686 is one that fits.';
  if (protocol < PROTOCOL_OF_SIZE) return undefined;
  const setupSectors = header.getUint8(SETUP_SECTORS) || DEFAULT_SETUP_SECTORS;
  const wholeBytes = (setupSectors + 1) * 512 + header.getUint32(PROTECTED_PARAGRAPHS, true) * 16;
  // the size is in whole paragraphs
  if (bytes.length + 16 > wholeBytes) return undefined;
  return `is cut short: it has ${bytes.length} bytes, and its header tells of ${wholeBytes}.`;
}

/** The kinds that are not there, as a list in words; undefined when all are. */
export function missingFiles(present: readonly LinuxFileKind[]): string | undefined {
  const missing = (Object.keys(LINUX_FILES) as LinuxFileKind[]).filter((kind) => !present.includes(kind));
  return missing.length === 0 ? undefined : missing.map((kind) => FILE_NAMES[kind]).join(', ');
}
