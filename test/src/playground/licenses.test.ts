// The built page comes with the terms of all that is in it.

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const licenses = suite('licences of the page');
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

licenses('every package of which a file is in the page is named with version, terms and text', () => {
  const { inputs } = JSON.parse(read('dist/playground.meta.json')) as { inputs: Record<string, unknown> };
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  );
  for (const name of ['preact', '@preact/signals', 'comlink', 'uplot', 'v86']) assert.ok(packages.has(name));
  const text = read('dist/playground/licenses.txt');
  for (const name of packages) {
    const { version, license } = JSON.parse(read(`node_modules/${name}/package.json`));
    assert.match(text, `${name} ${version} (${license})`);
  }
  assert.match(text, 'Permission is hereby granted, free of charge');
  assert.match(text, 'Redistributions in binary form must reproduce the above copyright notice');
});

licenses.run();
