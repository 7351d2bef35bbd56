// `sectorlab playground`: serves the built page to this computer's browsers.
//
// Verbs: servePlayground, addPlaygroundCommand. The files are those that lie in the folder when the server starts;
// a request names one of them exactly or gets 404, so no path can lead out of the folder. The page's own content policy goes with every
// file: a worker takes its policy from its script's headers, not from the page.

import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';

const DEFAULT_PORT = 8080;
const DEFAULT_HOST = '127.0.0.1';
const MAX_PORT = 65535;
/** Bad input, as design and `sectorlab --help` have it. */
const EXIT_USAGE = 2;

const MIME_TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.map', 'application/json'],
  ['.json', 'application/json'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.wasm', 'application/wasm'],
]);

export interface PlaygroundOptions {
  /** 0 to 65,535; 0 takes any free port. */
  readonly port: number;
  /** Address to listen on. Default 127.0.0.1: this computer only. */
  readonly host?: string;
  /** The built page. Default: the one in this package. */
  readonly folder?: URL | string;
  /** Closes the server when aborted. */
  readonly signal?: AbortSignal;
}

export interface PlaygroundServer {
  /** Of the page, with a slash at its end. */
  readonly url: string;
  /** Ends when every connection is closed. */
  close(): Promise<void>;
}

const POLICY = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/;

/** The page's policy, as a header; what only a header can say is added. */
async function policyOf(indexPath: string): Promise<Record<string, string>> {
  const policy = POLICY.exec(await readFile(indexPath, 'utf8'))?.[1];
  return policy === undefined ? {} : { 'content-security-policy': `${policy}; frame-ancestors 'none'` };
}

/** URL path → file path. Throws an Error that says how to build the page when there is none. */
async function listFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(folder, path).split(sep).join('/')}`, path);
  }
  const index = files.get('/index.html');
  if (index === undefined) {
    throw new Error(`there is no playground in ${folder}; build it with: npm run build:playground`);
  }
  files.set('/', index);
  return files;
}

/** The path of a request, or undefined when it is none. */
function pathOf(request: IncomingMessage): string | undefined {
  const [path = ''] = (request.url ?? '').split('?');
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

async function answer(
  files: ReadonlyMap<string, string>,
  policy: Readonly<Record<string, string>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const say = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(request.method === 'HEAD' ? undefined : `${text}\n`);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    say(405, 'only GET and HEAD');
    return;
  }
  const path = pathOf(request);
  if (path === undefined) {
    say(400, 'the path is not well formed');
    return;
  }
  const file = files.get(path);
  const bytes = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  if (file === undefined || bytes === undefined) {
    say(404, 'not found');
    return;
  }
  response.writeHead(200, {
    'content-type': MIME_TYPES.get(extname(file)) ?? 'application/octet-stream',
    'content-length': bytes.length,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    ...policy,
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new Error(`port ${port} on ${host} is in use; take another with --port, or any free one with 0`, {
      cause: error,
    });
  }
  return new Error(`${host} port ${port} can not be listened on: ${error.message}`, { cause: error });
}

/** Serves the playground. Throws when the page is not built, the port is in use or out of its range. */
export async function servePlayground(options: PlaygroundOptions): Promise<PlaygroundServer> {
  const { port, host = DEFAULT_HOST, signal } = options;
  if (!Number.isInteger(port) || port < 0 || port > MAX_PORT) {
    throw new RangeError(`port is ${port}; it must be a whole number from 0 to ${MAX_PORT}`);
  }
  signal?.throwIfAborted();
  const folder = options.folder ?? new URL('../../dist/playground/', import.meta.url);
  const files = await listFiles(typeof folder === 'string' ? folder : fileURLToPath(folder));
  const policy = await policyOf(files.get('/') as string);
  const server = createServer((request, response) => void answer(files, policy, request, response));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw describeListenError(error as NodeJS.ErrnoException, host, port);
  }
  const { port: taken } = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closing;
  };
  signal?.addEventListener('abort', () => void close(), { once: true });
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}/`, close };
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= MAX_PORT)) throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_PORT}.`);
  return port;
}

async function serveUntilInterrupted(options: PlaygroundOptions): Promise<void> {
  const server = await servePlayground(options);
  const interrupted = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  process.stdout.write(`The playground is at ${server.url} (^C ends it)\n`);
  await interrupted;
  await server.close();
}

/** Adds the command `playground` to the program. */
export function addPlaygroundCommand(program: Command): void {
  program
    .command('playground')
    .description('serve the playground: watch one write travel through the stack, in a browser')
    .option('--port <number>', 'port to listen on, 0 for any free one', parsePort, DEFAULT_PORT)
    .option('--host <address>', 'address to listen on', DEFAULT_HOST)
    .action(async (options: { port: number; host: string }, command: Command) => {
      try {
        await serveUntilInterrupted(options);
      } catch (error) {
        command.error(`error: ${(error as Error).message}`, { exitCode: EXIT_USAGE });
      }
    });
}
