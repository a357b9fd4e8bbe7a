/** A real browser: Debian's Chromium, without a window. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const EXECUTABLE: string = process.env["HOSTTRAIL_CHROMIUM"] ?? "/usr/bin/chromium";

/** Why no browser can be had; false where one can. */
export const whyNoBrowser: string | false = existsSync(EXECUTABLE)
  ? false
  : `there is no ${EXECUTABLE} (Debian: apt-get install chromium)`;

/** It is root's in containers, has no GPU, and asks nobody for updates. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface OpenBrowser extends AsyncDisposable {
  context: BrowserContext;
}

export interface BrowserOptions {
  width?: number;
  height?: number;
  /** A client certificate that it has for one origin, PEM files. */
  certificate?: { origin: string; certPath: string; keyPath: string };
}

/** With a profile of its own, which goes with it. The stack's authority is none that browsers know. */
export async function openBrowser(options: BrowserOptions = {}): Promise<OpenBrowser> {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-chromium-"));
  const { width = 1360, height = 860, certificate } = options;
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: EXECUTABLE,
    headless: true,
    args: ARGUMENTS,
    ignoreHTTPSErrors: true,
    viewport: { width, height },
    ...(certificate === undefined ? {} : { clientCertificates: [certificate] }),
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(20_000);
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Logs in on the page that is there, as a person does. */
export async function logIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("API token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface AxeViolation {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe finds that is serious or critical, each as a line. It comes in by the debugger, which no policy of the page forbids. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send("Runtime.evaluate", { expression: AXE });
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression:
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))",
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`axe failed: ${exceptionDetails.text}`);
    const violations = JSON.parse(String(result.value)) as AxeViolation[];
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) =>
        nodes.map(
          ({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} (${failureSummary.replaceAll(/\s+/g, " ")})`,
        ),
      );
  } finally {
    await session.detach();
  }
}
