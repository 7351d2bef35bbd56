// test-timeout: 120
// What a reader chooses for a guest and what comes of it: files that can not work are told of in words, at once or when they are seen to fail, and the
// kept disk is one guest's at a time.

import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { guestFiles } from '../support/guest-files.ts';
import { playgroundSuite } from '../support/page.ts';
import { openPanel } from '../support/reader.ts';

const { test, visit, run } = playgroundSuite('a guest and its files');

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const alert = (page: Page) => page.locator('.linux').getByRole('alert');
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
const [KERNEL] = guestFiles('');

/** A header of boot protocol 2.15: its flags, and the size of what is behind the setup. */
function kernelOf(flags: number, paragraphs: number): Buffer {
  const bytes = Buffer.from(KERNEL?.buffer ?? []);
  bytes.writeUInt32LE(paragraphs, 0x1f4);
  bytes.writeUInt16LE(0x20f, 0x206);
  bytes.writeUInt16LE(flags, 0x236);
  return bytes;
}

async function choose(page: Page, ...files: readonly { name: string; buffer: Buffer }[]): Promise<void> {
  const input = page.getByLabel('Files for the guest');
  await input.setInputFiles(files.map((file) => ({ mimeType: 'application/octet-stream', ...file })));
}

const BAD: readonly (readonly [name: string, buffer: Buffer, told: RegExp])[] = [
  ['photo.png', PNG, /^photo\.png is nothing that a guest starts from: not a kernel .*, not an initramfs/],
  ['initrd.img', Buffer.alloc(0), /^initrd\.img is empty\.$/],
  ['vmlinuz-amd64', kernelOf(1, 0), /^vmlinuz-amd64 is a kernel for 64 bits; the guest’s processor has 32/],
  ['half', kernelOf(0, 4096), /^half is cut short: it has 1024 bytes, and its header tells of 68096\.$/],
];

test('what can not be a part of a guest is refused where it is chosen, and the choice before it stays', async () => {
  await visit({}, async (page) => {
    await openPanel(page, 'linux');
    await choose(page, ...guestFiles('# '));
    await page.locator('.linux-files dd', { hasText: 'vmlinuz' }).waitFor();
    for (const [name, buffer, told] of BAD) {
      await choose(page, { name, buffer });
      await alert(page).filter({ hasText: name }).waitFor();
      assert.match((await alert(page).textContent()) ?? '', told);
      const chosen = await page.locator('.linux-files dd').allTextContents();
      assert.equal(chosen, ['vmlinuz', 'initramfs.img', 'bios.bin', 'vgabios.bin'], name);
    }
    await button(page, 'Boot Linux').click();
    await page.locator('.console[data-phase="atPrompt"]').waitFor();
    assert.is(await alert(page).count(), 0);
  });
});

test('files are taken for what they are, whatever they are called and in whatever order they come', async () => {
  await visit({}, async (page) => {
    await openPanel(page, 'linux');
    const files = guestFiles('# ');
    const swapped = files.map(({ buffer }, index) => ({ name: files[(index + 1) % 4]?.name ?? '', buffer }));
    await choose(page, ...swapped.reverse());
    await page.locator('.linux-files dd', { hasText: 'vmlinuz' }).waitFor();
    await button(page, 'Boot Linux').click();
    await page.locator('.console[data-phase="atPrompt"]').waitFor();
  });
});

test('a kernel that panics before there is a shell is ended, and what it said is told', async () => {
  await visit({}, async (page) => {
    await openPanel(page, 'linux');
    await choose(
      page,
      ...guestFiles('Kernel panic - not syncing: No working init found.\r\nRebooting...\r\n'),
    );
    await button(page, 'Boot Linux').click();
    await alert(page).filter({ hasText: 'The kernel gave up: No working init found. Does' }).waitFor();
    await button(page, 'Boot Linux').waitFor();
    assert.is(page.workers().filter((worker) => worker.url().includes('live.js')).length, 0);
  });
});

test('a guest that says nothing for a minute is told of', async () => {
  await visit({}, async (page) => {
    await page.clock.install();
    await openPanel(page, 'linux');
    await choose(page, ...guestFiles(''));
    await button(page, 'Boot Linux').click();
    await page.locator('.console[data-phase="running"]').waitFor();
    await page.clock.fastForward(61_000);
    await page.getByText('Nothing has come from its console for 60 s').waitFor();
  });
});

test('a kept disk is one guest’s at a time, has the size that it was made with, and is not cleared under it', async () => {
  await visit({}, async (page) => {
    const bootKept = async (tab: Page, size: string): Promise<void> => {
      await openPanel(tab, 'linux');
      await choose(tab, ...guestFiles('# '));
      await button(tab, size).click();
      await tab.getByLabel('Keep it in this browser over reloads').check();
      await button(tab, 'Boot Linux').click();
    };
    await bootKept(page, '16 MiB');
    await page.locator('.console[data-phase="atPrompt"]').waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await bootKept(other, '256 MiB');
    await alert(other).filter({ hasText: 'The disk is open, here or in another tab' }).waitFor();
    await openPanel(other, 'disk');
    await button(other, 'Clear Linux’s disk').click();
    await button(other, 'Clear it').click();
    await other.locator('.disk').getByRole('alert').filter({ hasText: 'close it there first' }).waitFor();
    await page.locator('.linux-side').getByRole('button', { name: 'Pull the plug' }).click();
    await page.getByText('The power went.').waitFor();
    await button(page, 'Begin anew').click();
    await openPanel(other, 'linux');
    await button(other, 'Boot Linux').click();
    await other.locator('.console[data-phase="atPrompt"]').waitFor();
    assert.equal(
      await other.evaluate(async () => {
        const root = await navigator.storage.getDirectory();
        return (await (await root.getFileHandle('linux.img')).getFile()).size;
      }),
      16 * 1048576,
    );
  });
});

run();
