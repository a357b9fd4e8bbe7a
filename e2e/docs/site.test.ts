/** The site of the documents, built by the command and read in a real browser from its files, as somebody does who was sent the folder. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { type OpenBrowser, openBrowser, seriousFindings, whyNoBrowser } from "../console/browser.ts";

const BUILD = new URL("../../tools/docs/main.ts", import.meta.url).pathname;
const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 800 };

describe("the site of the documents", { skip: whyNoBrowser }, () => {
  let folder: string;
  let browser: OpenBrowser;
  let page: Page;
  let names: string[];
  const asked = new Set<string>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "hosttrail-site-"));
    execFileSync(process.execPath, [BUILD, folder]);
    names = readdirSync(folder).filter((name) => name.endsWith(".html"));
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on("request", (request) => void asked.add(request.url()));
  });
  after(async () => {
    await (browser as OpenBrowser | undefined)?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (name: string): Promise<void> => void (await page.goto(`${pathToFileURL(folder).href}/${name}`));

  it("has nothing that axe finds serious, in either theme", async () => {
    const some = [...names, "decisions/0001-the-block.html"];
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const name of some) {
        await open(name);
        assert.deepEqual(await seriousFindings(page), [], `${name}, ${colorScheme}`);
      }
    }
  });

  it("fits a screen of 360 pixels, where its list of pages opens and closes", async () => {
    await page.setViewportSize(NARROW);
    for (const name of names) {
      await open(name);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(width) <= NARROW.width, `${name} is ${String(width)} wide`);
    }
    await open("start.html");
    const pages = page.getByRole("navigation", { name: "Pages" });
    assert.equal(await pages.getByRole("link", { name: "Respond" }).isVisible(), false);
    await pages.getByText("All pages").click();
    await pages.locator("summary", { hasText: "Respond" }).click();
    await pages.getByRole("link", { name: "Respond" }).click();
    await page.getByRole("heading", { level: 1, name: "Respond" }).waitFor();
    await page.setViewportSize(WIDE);
  });

  it("leads from page to page, from beginning to end", async () => {
    await open("index.html");
    const seen = new Set<string>();
    for (;;) {
      seen.add(new URL(page.url()).pathname);
      const next = page.locator("a[rel=next]");
      if ((await next.count()) === 0) break;
      await next.click();
      assert.ok(!seen.has(new URL(page.url()).pathname), "no page comes twice");
    }
    assert.equal(seen.size, names.length + readdirSync(join(folder, "decisions")).length);
  });

  it("finds by words, from each folder, and leads to the place", async () => {
    for (const name of ["start.html", "decisions/0001-the-block.html"]) {
      await open(name);
      await page.getByLabel("Search").fill("legal hold");
      await page.getByRole("link", { name: "What is kept, and for how long: Legal hold" }).click();
      assert.match(page.url(), /\/retention\.html#legal-hold$/);
    }
    await page.getByLabel("Search").fill("nosuchword");
    await page.getByText("Nothing has all of these words.").waitFor();
  });

  it("asks for nothing but its own files", () => {
    const own = pathToFileURL(folder).href;
    assert.ok(asked.size > names.length);
    assert.deepEqual(
      [...asked].filter((url) => !url.startsWith(own)),
      [],
    );
  });

  it("is all there without scripts", async () => {
    const plain = await browser.context.newPage();
    const session = await browser.context.newCDPSession(plain);
    await session.send("Emulation.setScriptExecutionDisabled", { value: true });
    await plain.goto(`${pathToFileURL(folder).href}/start.html`);
    assert.ok(await plain.getByText("From nothing to the first event").isVisible());
    assert.equal(await plain.getByLabel("Search").isVisible(), false);
    const pages = plain.getByRole("navigation", { name: "Pages" });
    await pages.getByText("Operate").click();
    await pages.getByRole("link", { name: "Operating collectors" }).click();
    await plain.getByRole("heading", { level: 1, name: "Operating collectors" }).waitFor();
    await plain.close();
  });
});
