// The guest's console without a browser: what keys send, what rows show, when the shell waits, what a file is.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { missingFiles, recognise } from '../../../../src/playground/linux/files.ts';
import { isAtPrompt } from '../../../../src/playground/linux/guided.ts';
import { keyBytes, pasteBytes } from '../../../../src/playground/linux/keys.ts';
import { COLUMNS, openScreen } from '../../../../src/playground/linux/screen.ts';

const NO_KEY = { ctrlKey: false, altKey: false, metaKey: false };
const press = (key: string, held: Partial<typeof NO_KEY> = {}) => keyBytes({ key, ...NO_KEY, ...held });

const console_ = suite("the guest's console");

console_('letters, control letters and arrows are typed as a VT100 does', () => {
  assert.is(press('a'), 'a');
  assert.is(press('é'), 'é');
  assert.is(press('Enter'), '\r');
  assert.is(press('ArrowUp'), '\u001b[A');
  assert.is(press('c', { ctrlKey: true }), '\u0003');
  assert.is(press('i', { ctrlKey: true }), '\t');
  assert.is(press('b', { altKey: true }), '\u001bb');
});

console_('Tab, F5, lone modifiers, pasting and the keys of the system stay the page’s', () => {
  assert.is(press('Tab'), undefined);
  assert.is(press('F5'), undefined);
  assert.is(press('Shift'), undefined);
  assert.is(press('v', { ctrlKey: true }), undefined);
  assert.is(press('c', { metaKey: true }), undefined);
  assert.is(press('1', { ctrlKey: true }), undefined);
});

console_('lines of pasted text end as the Enter key', () => {
  assert.is(pasteBytes('a\r\nb\nc'), 'a\rb\rc');
});

console_('rows are runs of one look, with the cursor behind the last letter', async () => {
  const screen = await openScreen(() => {});
  await screen.write('plain \u001b[1;31mred\u001b[0m\r\n# ');
  assert.equal(screen.rows(), [
    [
      { text: 'plain ', look: '' },
      { text: 'red', look: 'bold ink-1' },
    ],
    [
      { text: '# ', look: '' },
      { text: ' ', look: 'cursor' },
    ],
  ]);
  assert.is(screen.text(), 'plain red\n#');
  assert.ok(isAtPrompt(screen.text()));
});

console_('long lines wrap, and what scrolled away is kept', async () => {
  const screen = await openScreen(() => {});
  await screen.write(`first\r\n${'x'.repeat(COLUMNS + 1)}\r\n${'line\r\n'.repeat(40)}`);
  const rows = screen.rows().map((row) => row.map(({ text }) => text).join(''));
  assert.is(rows[0], 'first');
  assert.is(rows[1]?.length, COLUMNS);
  assert.is(rows[2], 'x');
  assert.is(rows.filter((row) => row === 'line').length, 40);
});

console_('a guest that asks where the cursor is gets an answer', async () => {
  const answers: string[] = [];
  const screen = await openScreen((text) => answers.push(text));
  await screen.write('# \u001b[6n');
  assert.equal(answers, ['\u001b[1;3R']);
});

console_('a # inside of output is no prompt', () => {
  assert.not.ok(isAtPrompt('# ls'));
  assert.not.ok(isAtPrompt('a #'));
  assert.ok(isAtPrompt('done\n#'));
});

/** `size` bytes with others at places. */
function bytes(size: number, ...pieces: [at: number, ...bytes: number[]][]): Uint8Array {
  const made = new Uint8Array(size);
  for (const [at, ...piece] of pieces) made.set(piece, at);
  return made;
}

console_('files are known by their bytes, whatever they are called', () => {
  assert.is(recognise(bytes(4096, [0x202, 0x48, 0x64, 0x72, 0x53])), 'kernel');
  assert.is(recognise(new TextEncoder().encode('0707010000')), 'initramfs');
  assert.is(recognise(bytes(100, [0, 0x1f, 0x8b])), 'initramfs');
  assert.is(recognise(bytes(39936, [0, 0x55, 0xaa])), 'vgaBios');
  assert.is(recognise(bytes(131072, [131072 - 16, 0xea])), 'bios');
  assert.is(recognise(bytes(131072)), undefined);
  assert.is(recognise(new Uint8Array(0)), undefined);
});

console_('what is missing is named', () => {
  assert.is(missingFiles(['kernel', 'initramfs', 'bios', 'vgaBios']), undefined);
  assert.match(missingFiles(['kernel', 'bios', 'vgaBios']) ?? '', /^an initramfs$/);
});

console_.run();
