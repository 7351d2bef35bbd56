// Files that a guest starts from, made here: a BIOS that writes a text on the serial port and halts, and just enough of the others to be taken
// for what they are. What a page does around a guest is seen with it in a second; what Linux does takes Linux.
//
// Verbs: guestFiles.

const ROM_BYTES = 65536;
const CODE_AT = 0xe000;
const TEXT_AT = 0xe100;
const RESET_AT = 0xfff0;
const HEADER_AT = 0x202;

/** mov si, text; mov dx, COM1; again: cs lodsb; test al, al; jz halt; out dx, al; jmp again; halt: hlt; jmp halt */
const CODE = [
  0xfa, 0xbe, 0x00, 0xe1, 0xba, 0xf8, 0x03, 0x2e, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf7, 0xf4, 0xeb,
  0xfd,
];
/** jmp f000:e000 */
const RESET = [0xea, 0x00, 0xe0, 0x00, 0xf0];

export interface GuestFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

function file(
  name: string,
  size: number,
  pieces: readonly (readonly [at: number, bytes: Iterable<number>])[],
): GuestFile {
  const buffer = Buffer.alloc(size);
  for (const [at, bytes] of pieces) buffer.set([...bytes], at);
  return { name, mimeType: 'application/octet-stream', buffer };
}

/** A guest that says `text` and nothing else, ever. */
export function guestFiles(text: string): readonly GuestFile[] {
  const said = Buffer.from(`${text}\0`);
  return [
    file('vmlinuz', 1024, [[HEADER_AT, Buffer.from('HdrS')]]),
    file('initramfs.img', 512, [[0, Buffer.from('070701')]]),
    file('bios.bin', ROM_BYTES, [
      [CODE_AT, CODE],
      [TEXT_AT, said],
      [RESET_AT, RESET],
    ]),
    file('vgabios.bin', 512, [[0, [0x55, 0xaa]]]),
  ];
}
