// Writes licenses.txt beside the built page: what of others is in it, and under which terms.
//
// Run by `npm run build:playground`, from the list that esbuild leaves: a package is named when any of its files went in.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DIST = 'dist';
const PACKAGE = /^node_modules\/(?:@[^/]+\/)?[^/]+/;

interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly author?: string | { readonly name: string };
}

/** Name, version, terms, and the text that comes with them. */
function noticeOf(folder: string): string {
  const facts = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageFacts;
  const author = typeof facts.author === 'string' ? facts.author : (facts.author?.name ?? '');
  const texts = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8').trim());
  return [`${facts.name} ${facts.version} (${facts.license})`, author, ...texts].filter(Boolean).join('\n\n');
}

const { inputs } = JSON.parse(readFileSync(join(DIST, 'playground.meta.json'), 'utf8')) as {
  inputs: Readonly<Record<string, unknown>>;
};
const folders = new Set(Object.keys(inputs).flatMap((path) => PACKAGE.exec(path)?.[0] ?? []));
const notices = [...folders]
  .filter((folder) => existsSync(join(folder, 'package.json')))
  .sort()
  .map(noticeOf);
writeFileSync(
  join(DIST, 'playground', 'licenses.txt'),
  `This page is sectorlab (MIT), and has in it:\n\n${notices.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`,
);
