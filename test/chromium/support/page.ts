// The built playground in real Chromium, for tests: a visit opens it, and finds nothing wrong that the page itself noticed.
//
// Verbs: playgroundSuite (a suite with `visit`), openPage, waitFor, factsOf.
// Invariant: a visit fails when the page logged an error or a warning, threw, lost a request, broke its content policy, or asked another origin
// for anything. Less motion is asked for unless a test says otherwise, so that nothing plays by itself.

import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type PlaygroundServer, servePlayground } from '../../../src/cli/playground.ts';

export const EXECUTABLE = '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PATIENCE_MS = 20_000;
/** A page whose script runs in circles answers nothing, and a question to it has no end of its own. */
const ANSWER_MS = 5000;

export const WIDE = { width: 1440, height: 900 };
export const MEDIUM = { width: 768, height: 1024 };
export const PHONE = { width: 390, height: 844 };

/** What stands on <main>. */
export type PageState = 'loading' | 'ready' | 'playing' | 'paused' | 'finished' | 'failed';

export interface VisitOptions extends BrowserContextOptions {
  /** Behind the page's address: `#scene=…`. */
  readonly link?: string;
  /** The visit begins once the page is in one of these; none: at once. Default: ready, paused, playing or finished. */
  readonly begins?: readonly PageState[];
  /** A script to run before the page's own. */
  readonly before?: string;
  /** Messages of the console that this visit is there to cause. */
  readonly expected?: readonly RegExp[];
  /** Keeps the browser's profile here, so that a later visit finds what this one stored. Default: nothing is kept. */
  readonly profile?: string;
}

export type Visit = (options: VisitOptions, use: (page: Page) => Promise<void>) => Promise<void>;

export interface PlaygroundSuite {
  readonly test: Test;
  readonly visit: Visit;
  /** Last line of the file; says so when there is no browser. */
  run(): void;
}

const BEGUN: readonly PageState[] = ['ready', 'paused', 'playing', 'finished'];

/** A suite whose tests visit the built page; it opens one browser and one server for all of them. */
export function playgroundSuite(name: string): PlaygroundSuite {
  const test = suite(name);
  let browser: Browser;
  let server: PlaygroundServer;
  test.before(async () => {
    server = await servePlayground({ port: 0 });
    browser = await openBrowser();
  });
  test.after(async () => {
    await browser?.close();
    await server?.close();
  });
  const visit: Visit = (options, use) => visitPage(browser, server.url, options, use);
  const run = (): void => {
    if (existsSync(EXECUTABLE)) test.run();
    else console.log(`SKIPPED: ${name}: ${EXECUTABLE} is missing`);
  };
  return { test, visit, run };
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** Opens the page at `url`, hands it to `use` once it stands as asked, and finds no fault of its own and no request elsewhere. */
export async function visitPage(
  browser: Browser,
  url: string,
  options: VisitOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const { link = '', begins = BEGUN, before, expected = [], profile, ...rest } = options;
  const contextOptions: BrowserContextOptions = { viewport: WIDE, reducedMotion: 'reduce', ...rest };
  const context =
    profile === undefined
      ? await browser.newContext(contextOptions)
      : await chromium.launchPersistentContext(profile, {
          executablePath: EXECUTABLE,
          args: FLAGS,
          ...contextOptions,
        });
  const faults = watch(context, url);
  try {
    // the loader that runs tests (tsx) keeps function names by a helper, which the page does not have
    await context.addInitScript('globalThis.__name = (body) => body');
    if (before !== undefined) await context.addInitScript(before);
    const page = await context.newPage();
    await page.goto(url + link);
    if (begins.length > 0) await waitFor(page, ...begins);
    await use(page);
  } finally {
    await context.close();
  }
  const unexpected = faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)));
  assert.equal(unexpected, [], 'the page had faults');
}

/** What goes wrong in any page of the context, as it happens. */
function watch(context: BrowserContext, url: string): string[] {
  const faults: string[] = [];
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      faults.push(`console ${message.type()}: ${message.text()}`);
  });
  context.on('weberror', (event) => {
    const thrown = event.error();
    faults.push(`uncaught: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  });
  context.on('requestfailed', (request) => {
    faults.push(`request failed: ${request.url()}: ${request.failure()?.errorText ?? 'no reason'}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) faults.push(`status ${response.status()}: ${response.url()}`);
  });
  context.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(url) && !asked.startsWith('data:') && !asked.startsWith('blob:'))
      faults.push(`asked elsewhere: ${asked}`);
  });
  return faults;
}

/** Waits until <main> is in one of the states; says what the page told its reader when it failed instead. */
export async function waitFor(page: Page, ...states: readonly PageState[]): Promise<void> {
  const isNot = `not ${states.join(' or ')}`;
  const wanted = states.map((state) => `main[data-state="${state}"]`).join(', ');
  try {
    await page.waitForSelector(wanted, { timeout: PATIENCE_MS, state: 'attached' });
  } catch (error) {
    const told = await Promise.race([toldBy(), setTimeout(ANSWER_MS, `does not answer any more, ${isNot}`)]);
    throw new Error(`the page ${told}`, { cause: error });
  }

  async function toldBy(): Promise<string> {
    const { state } = await factsOf(page);
    const alerts = await page.$$eval('[role="alert"]', (all) => all.map((element) => element.textContent));
    return `is ${state}, ${isNot}; it says: ${alerts.join(' ')}`;
  }
}

/** Waits until the moment behind `step` steps is shown. */
export async function waitForStep(page: Page, step: number): Promise<void> {
  await page.waitForSelector(`main[data-step="${step}"]`, { timeout: PATIENCE_MS, state: 'attached' });
}

export interface PageFacts {
  readonly state: string;
  readonly scene: string;
  readonly step: number;
  readonly stepCount: number;
  /** At the step that is shown. */
  readonly recordHash: string;
}

/** What stands on <main> now. */
export async function factsOf(page: Page): Promise<PageFacts> {
  const facts = await page.$eval('main', (main) => ({ ...main.dataset }));
  return {
    state: facts.state ?? '',
    scene: facts.scene ?? '',
    step: Number(facts.step),
    stepCount: Number(facts.stepCount),
    recordHash: facts.recordHash ?? '',
  };
}

/** No part of the page sticks out sideways, or would if what lies around it did not cut it off. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const out = [...document.querySelectorAll('body *')].filter((element) => {
      const { right, width } = element.getBoundingClientRect();
      return width > 1 && right > clientWidth + 1 && !isCutOnPurpose(element);
    });
    /** A title with an ellipsis, or something to be scrolled through sideways by itself. */
    function isCutOnPurpose(element: Element | null): boolean {
      if (element === null) return false;
      const { textOverflow, overflowX } = getComputedStyle(element);
      const isMeant = textOverflow === 'ellipsis' || overflowX === 'auto' || overflowX === 'scroll';
      return isMeant || isCutOnPurpose(element.parentElement);
    }
    const names = out.map((element) => element.outerHTML.slice(0, 100));
    return scrollWidth > clientWidth ? [`the page, ${scrollWidth} in ${clientWidth}`, ...names] : names;
  });
  assert.equal(wide, [], what);
}
