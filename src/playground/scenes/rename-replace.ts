// Replacing a file: write a new one, sync it, rename it over the old one, sync the directory.
// Which of these is durable when is what programs get wrong most often.

import { PAGE_SIZE } from '../../../assembly/limits.ts';
import type { Scene } from '../scene/types.ts';
import { SMALL } from './parts.ts';

const SETTINGS_BYTES = 6000;

export const RENAME_REPLACE: Scene = {
  id: 'rename-replace',
  title: 'Replacing a file',
  question: 'How does a file change so that a crash leaves the old or the new?',
  intro:
    'Programs replace a file by writing a new one and renaming it over the old: after a crash there should be the old settings or the new ones, never half of them. It works, if fsync comes at the right places.',
  group: 'crashes',
  pace: 0.8,
  check: 'files',
  machine: {
    ...SMALL,
    cache: 32 * PAGE_SIZE,
    volume: { inodes: 16, profile: 'strict' },
    drives: [
      {
        size: '256KiB',
        model: 'fixed',
        channels: 2,
        queueDepth: 8,
        latencyNs: { read: 80_000, write: 60_000, flush: 500_000 },
        volatileWrites: 64,
      },
    ],
  },
  clients: [
    { name: 'old', entrance: 'files', target: '/settings' },
    { name: 'quick', entrance: 'files', target: '/settings.tmp' },
    { name: 'careful', entrance: 'files', target: '/settings.new' },
  ],
  chapters: [
    {
      title: 'The old settings',
      text: 'A program writes 6,000 bytes of settings, and calls fsync for the file and for its directory.',
      work: [
        { op: 'write', offset: 0, length: SETTINGS_BYTES },
        { op: 'fsync' },
        { op: 'fsyncDirectory', path: '/' },
      ],
      notes: [
        {
          kind: 'volatile',
          text: 'A kernel may send bytes to the drive before anyone asks. This one always does, so that you see what may happen.',
        },
        { kind: 'flushed', text: 'fsync: the content is on the media.' },
        { kind: 'flushed', nth: 2, text: 'fsync of the directory: so is the name. These settings are safe.' },
      ],
    },
    {
      title: 'The quick way',
      text: 'New settings go to a new file, which is renamed over the old one. Nobody calls fsync.',
      work: [
        { op: 'write', offset: 0, length: SETTINGS_BYTES, client: 'quick' },
        { op: 'rename', path: '/settings.tmp', to: '/settings', client: 'quick' },
      ],
      notes: [
        { kind: 'volatile', text: 'The new content is in the volatile cache of the drive (hatched).' },
        {
          kind: 'volatile',
          nth: 3,
          text: 'The rename as well. The drive may keep it without the content: then the settings are empty. Pull the plug.',
        },
      ],
    },
    {
      title: 'Lucky',
      text: 'The power stayed on, and a while later all of it is synced.',
      work: [{ op: 'sync', client: 'quick' }],
      notes: [{ kind: 'flushed', text: 'Nothing happened this time. A bug like this one waits for years.' }],
    },
    {
      title: 'The careful way: the file first',
      text: 'Newer settings, in a new file again. This time fsync comes before the rename.',
      work: [
        { op: 'write', offset: 0, length: SETTINGS_BYTES, client: 'careful' },
        { op: 'fsync', client: 'careful' },
      ],
      notes: [
        {
          kind: 'flushed',
          text: 'The new content is on the media, under another name. The old settings have not been touched.',
        },
      ],
    },
    {
      title: 'The careful way: then the name',
      text: 'Now the rename, and an fsync of the directory.',
      work: [
        { op: 'rename', path: '/settings.new', to: '/settings', client: 'careful' },
        { op: 'fsyncDirectory', path: '/', client: 'careful' },
      ],
      notes: [
        {
          kind: 'volatile',
          text: 'A power cut now leaves the old name or the new one. Behind each of them is a whole file.',
        },
        {
          kind: 'flushed',
          text: 'And now it can only be the new one. Only now may the program say "saved".',
        },
      ],
    },
  ],
};
