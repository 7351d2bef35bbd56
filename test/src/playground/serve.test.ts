// The playground's server gives the files of one folder and nothing else, and says clearly why it can not start.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addPlaygroundCommand, servePlayground } from '../../../src/cli/playground.ts';

const serve = suite('servePlayground');
const outer = mkdtempSync(join(tmpdir(), 'sectorlab-playground-'));
const folder = join(outer, 'page');

serve.before(async () => {
  await mkdir(join(folder, 'deep'), { recursive: true });
  writeFileSync(join(outer, 'secret.txt'), 'secret');
  const files = {
    'index.html': '<!doctype html>',
    'style.css': 'a{}',
    'main.js': '1',
    'main.js.map': '{}',
    'core.wasm': '\0asm',
    'deep/a.svg': '<svg/>',
    odd: 'x',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  symlinkSync(join(outer, 'secret.txt'), join(folder, 'link.txt'));
});

serve.after(() => {
  rmSync(outer, { recursive: true, force: true });
});

/** What comes back for a request line as it stands: fetch would tidy the path up. */
function raw(url: string, line: string): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`${line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    });
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

serve('each file has its media type, and / is the page', async () => {
  const server = await servePlayground({ port: 0, folder });
  const types = {
    '': 'text/html; charset=utf-8',
    'index.html': 'text/html; charset=utf-8',
    'style.css': 'text/css; charset=utf-8',
    'main.js': 'text/javascript; charset=utf-8',
    'main.js.map': 'application/json',
    'core.wasm': 'application/wasm',
    'deep/a.svg': 'image/svg+xml',
    odd: 'application/octet-stream',
  };
  for (const [name, type] of Object.entries(types)) {
    const response = await fetch(server.url + name);
    assert.is(response.status, 200, name);
    assert.is(response.headers.get('content-type'), type, name);
    assert.is(response.headers.get('x-content-type-options'), 'nosniff');
    await response.arrayBuffer();
  }
  assert.is((await fetch(`${server.url}main.js?v=1`)).status, 200);
  await server.close();
});

serve('HEAD has the headers and no body, other methods are refused', async () => {
  const server = await servePlayground({ port: 0, folder });
  const head = await fetch(server.url, { method: 'HEAD' });
  assert.is(head.status, 200);
  assert.is(head.headers.get('content-length'), '15');
  assert.is(await head.text(), '');
  const post = await fetch(server.url, { method: 'POST', body: 'x' });
  assert.is(post.status, 405);
  assert.is(post.headers.get('allow'), 'GET, HEAD');
  await server.close();
});

serve('what is not in the folder is 404', async () => {
  const server = await servePlayground({ port: 0, folder });
  for (const name of ['none.js', 'deep', 'deep/', 'link.txt', 'index.html/', 'INDEX.HTML/x']) {
    assert.is((await fetch(server.url + name)).status, 404, name);
  }
  await server.close();
});

serve('no path leads out of the folder', async () => {
  const server = await servePlayground({ port: 0, folder });
  const paths = [
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/deep/../../secret.txt',
    '/..\\secret.txt',
    '//secret.txt',
    '/./../secret.txt',
    `/${join(outer, 'secret.txt')}`,
    '/index.html%00',
  ];
  for (const path of paths) {
    const answer = await raw(server.url, `GET ${path}`);
    assert.match(answer, /^HTTP\/1\.1 404 /, path);
    assert.not.match(answer, 'secret\n');
  }
  assert.match(await raw(server.url, 'GET /%zz'), /^HTTP\/1\.1 400 /);
  await server.close();
});

serve('a port in use is an error that names it', async () => {
  const first = await servePlayground({ port: 0, folder });
  const port = Number(new URL(first.url).port);
  try {
    await servePlayground({ port, folder });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, `port ${port} on 127.0.0.1 is in use`);
  }
  await first.close();
});

serve(
  'the policy of the page goes with every file, workers among them, and nobody may frame it',
  async () => {
    const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";
    const page = join(outer, 'policed');
    await mkdir(page);
    await writeFile(
      join(page, 'index.html'),
      `<meta\n      http-equiv="Content-Security-Policy"\n      content="${policy}"\n    />`,
    );
    await writeFile(join(page, 'worker.js'), '1');
    const server = await servePlayground({ port: 0, folder: page });
    for (const path of ['', 'worker.js']) {
      const { headers } = await fetch(server.url + path);
      assert.is(headers.get('content-security-policy'), `${policy}; frame-ancestors 'none'`, path);
      assert.is(headers.get('referrer-policy'), 'no-referrer', path);
      assert.is(headers.get('cross-origin-opener-policy'), 'same-origin', path);
    }
    await server.close();
  },
);

serve('a port out of its range, and a folder without a page, are errors that say so', async () => {
  for (const port of [-1, 65536, 1.5, Number.NaN]) {
    try {
      await servePlayground({ port, folder });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, RangeError);
    }
  }
  for (const missing of [join(outer, 'nothing'), outer]) {
    try {
      await servePlayground({ port: 0, folder: missing });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'npm run build:playground');
    }
  }
});

serve('close and the signal free the port, also twice', async () => {
  const controller = new AbortController();
  const server = await servePlayground({ port: 0, folder, signal: controller.signal });
  await (await fetch(server.url)).text();
  controller.abort();
  await server.close();
  await server.close();
  const again = await servePlayground({ port: Number(new URL(server.url).port), folder });
  await again.close();
  try {
    await servePlayground({ port: 0, folder, signal: controller.signal });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).name, 'AbortError');
  }
});

serve('the command refuses a port that is none', async () => {
  for (const port of ['x', '65536', '-1', '1e3', '']) {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    addPlaygroundCommand(program);
    program.commands[0]?.exitOverride().configureOutput({ writeErr: () => {} });
    try {
      await program.parseAsync(['playground', `--port=${port}`], { from: 'user' });
      assert.unreachable(port);
    } catch (error) {
      assert.is((error as { code?: string }).code, 'commander.invalidArgument', port);
    }
  }
});

serve.run();
