/** What the console does when it is attacked, when a session ends, when the collector goes away, and for whom it shows what; and who can use it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { eventually } from "../environment.ts";
import { hostIdOf } from "../publisher.ts";
import { logIn, openBrowser, type OpenBrowser, seriousFindings, whyNoBrowser } from "./browser.ts";
import { HOSTILE_HOST, INCIDENT, openWorld, type World } from "./world.ts";

const WEB = hostIdOf("web1");
/** world.ts's, with what cannot be seen spelled. */
const SPELLED_ARGUMENT = "<script>window.planted=2</script>\\u{200b}\\u{202e}txt.exe\\x07";
const AROUND = `from=${INCIDENT.from}&to=${INCIDENT.to}`;

/** What came of attempts to run something in the page. */
interface Found {
  inline?: number;
  handler?: number;
  isMarkup: boolean;
  violations: string[];
}

/** Every page, with something on it. */
const PAGES: readonly string[] = [
  "/",
  "/alerts",
  `/search?${AROUND}`,
  "/hosts",
  `/hosts/${WEB}`,
  `/hosts/${WEB}?tab=timeline&from=2026-11-24T03:11:00Z&to=2026-11-24T03:14:00Z`,
  `/hosts/${WEB}?tab=ledger`,
  `/hosts/${WEB}?tab=diff&from=2026-11-19T00:00:00Z&to=2026-11-24T04:00:00Z`,
  "/rules",
  "/verify",
  "/rollout",
  "/coverage",
  "/cost",
  "/access",
  "/access?tab=tokens",
  "/access?tab=calls",
];

describe("the console, when it matters", { skip: whyNoBrowser }, () => {
  let world: World;
  let browser: OpenBrowser;
  let page: Page;
  let url: string;
  let alertLink: string;
  const errors: string[] = [];

  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on("pageerror", (error) => errors.push(error.message));
    url = world.stack.consoleUrl;
    await logIn(page, url, world.tokens.admin);
    await page.goto(`${url}/alerts`);
    alertLink = (await page.getByRole("link", { name: "Shell started by find" }).getAttribute("href")) ?? "";
  });
  after(async () => {
    await (browser as OpenBrowser | undefined)?.[Symbol.asyncDispose]();
    await (world as World | undefined)?.[Symbol.asyncDispose]();
  });

  const settled = async (): Promise<void> => {
    await page.locator("h1").waitFor();
    await eventually(
      "an end of loading",
      20_000,
      async () => (await page.locator(".loading, [aria-busy=true]").count()) === 0 || undefined,
    );
    await page.waitForTimeout(150);
  };

  describe("text of attackers", () => {
    it("stays text wherever it is shown, with what cannot be seen spelled", async () => {
      for (const path of ["/hosts", "/search?from=24h", "/coverage", "/"]) {
        await page.goto(`${url}${path}`);
        await settled();
      }
      await page.goto(`${url}/hosts`);
      const shown = HOSTILE_HOST.replace("\u202e", "\\u{202e}");
      await page.getByRole("link", { name: shown }).click();
      await page.getByRole("heading", { level: 1, name: shown, exact: true }).waitFor();
      assert.equal(await page.title(), `${HOSTILE_HOST.replaceAll("\u202e", "\\u{202e}")} · Hosttrail`);
      await page.getByRole("link", { name: "Search its events" }).click();
      await page.getByText("40 events", { exact: true }).waitFor();
      const cell = page.getByRole("gridcell", { name: /planted=2/ }).first();
      const text = (await cell.textContent()) ?? "";
      assert.ok(text.includes(SPELLED_ARGUMENT), text);
      await cell.click();
      await page.getByRole("complementary", { name: "Event" }).getByText("Records of the kernel").waitFor();
      await page.getByRole("link", { name: "Process tree" }).click();
      await page
        .getByRole("treegrid")
        .getByText(/planted=2/)
        .first()
        .waitFor();
      assert.equal(await page.evaluate("window.planted"), undefined);
      assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
    });

    it("can be narrowed by: the filter of a click finds just that", async () => {
      await page.goto(`${url}/search?from=24h`);
      await page.getByText("40 events", { exact: true }).waitFor();
      await page.locator("#row-0").click();
      const name = `Only process.command_line /bin/echo ${SPELLED_ARGUMENT} 39`;
      await page.getByRole("button", { name }).click();
      await page.getByText("1 event", { exact: true }).waitFor();
    });
  });

  describe("the policy of the page", () => {
    it("lets no inline script run, no event handler, no style, and no text become markup", async () => {
      await page.goto(`${url}/hosts`);
      await settled();
      const found = await page.evaluate<Found>(`(async () => {
        const violations = [];
        document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
        const script = document.createElement("script");
        try { script.textContent = "window.inline = 1"; } catch { violations.push("script text refused"); }
        document.body.append(script);
        const link = document.createElement("a");
        link.setAttribute("style", "color: red");
        try { link.setAttribute("onclick", "window.handler = 1"); } catch { violations.push("handler refused"); }
        document.body.append(link);
        link.click();
        let isMarkup = true;
        try { document.createElement("div").innerHTML = "<b>x</b>"; } catch { isMarkup = false; }
        await new Promise((resolve) => setTimeout(resolve, 200));
        link.remove();
        return { inline: window.inline, handler: window.handler, isMarkup, violations };
      })()`);
      assert.equal(found.inline, undefined);
      assert.equal(found.handler, undefined);
      assert.equal(found.isMarkup, false);
      assert.ok(found.violations.length >= 3, found.violations.join(", "));
    });

    it("has the page ask nobody but its own origin, and keep no secret", async () => {
      const foreign: string[] = [];
      page.on("request", (request) => new URL(request.url()).origin === url || foreign.push(request.url()));
      for (const path of PAGES.slice(0, 4)) {
        await page.goto(`${url}${path}`);
        await settled();
      }
      assert.deepEqual(foreign, []);
      const kept = String(
        await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"),
      );
      assert.equal(kept, '[{},{},""]');
    });
  });

  describe("a session that ends in the middle of work", () => {
    it("loses nothing that was typed, asks for a login over the page, and goes on with the call", async () => {
      await page.goto(`${url}${alertLink}`);
      await page.getByLabel("Note").fill("half a thought");
      await browser.context.clearCookies();
      await page.getByRole("button", { name: "Add note" }).click();
      const dialog = page.getByRole("dialog", { name: "Your session has ended" });
      await dialog.waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor();
      await dialog.getByLabel("API token").fill(world.tokens.admin);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      // The call that was refused was made again.
      await page.locator(".story").getByText("half a thought").waitFor();
    });
  });

  describe("a collector that goes away", () => {
    it("is said to be away, and the page goes on by itself when it is back", async () => {
      await page.goto(`${url}/alerts?state=open&fold=no`);
      await page.getByText("Live").waitFor();
      const link = page.getByRole("link", { name: "Log files deleted or shredded by a command" });
      await link.waitFor();
      const id = (await link.getAttribute("href"))?.split("/").at(-1) ?? "";
      await world.stack.collector.stop();
      await page.getByText(/Connection lost/).waitFor();
      await world.stack.startCollector();
      // What happened while it was not told: the list is read again.
      world.stack.hosttrail("alert", "close", id, "--reason", "benign");
      await link.waitFor({ state: "detached", timeout: 40_000 });
      await page.getByText("Live").waitFor();
    });
  });

  describe("callers", () => {
    it("of some hosts see nothing of others on any page", async () => {
      const other = await openBrowser();
      try {
        const scoped = await other.context.newPage();
        await logIn(scoped, url, world.tokens.scoped);
        for (const path of [
          ...PAGES,
          alertLink,
          `/tree?alert=${alertLink.split("/").at(-1)}`,
          `/search?from=all&host=${WEB}`,
        ]) {
          await scoped.goto(`${url}${path}`);
          await scoped.locator("h1").waitFor();
          await scoped.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => undefined);
          await scoped.waitForTimeout(400);
          const text = (await scoped.locator("main").textContent()) ?? "";
          assert.ok(!/\bweb1\b|\bdb1\b|203\.0\.113\.9|evil/.test(text), `${path}: ${text.slice(0, 400)}`);
        }
        await scoped.goto(`${url}/hosts`);
        await scoped.getByRole("link", { name: "ci7" }).waitFor();
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });

    it("who may only look are offered nothing else", async () => {
      const other = await openBrowser();
      try {
        const viewer = await other.context.newPage();
        await logIn(viewer, url, world.tokens.viewer);
        await viewer.goto(`${url}${alertLink}`);
        await viewer.getByRole("link", { name: "Process tree", exact: true }).waitFor();
        for (const name of ["Acknowledge", "Close…", "Exception…", "Add note"])
          assert.equal(await viewer.getByRole("button", { name, exact: true }).count(), 0, name);
        assert.equal(await viewer.getByRole("link", { name: "Access" }).count(), 0);
        await viewer.goto(`${url}/access?tab=calls`);
        await viewer.getByText("You may not see this").waitFor();
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });
  });

  describe("whoever uses it", () => {
    for (const theme of ["light", "dark"] as const)
      it(`is kept out by nothing that axe finds serious, in the ${theme} theme`, async () => {
        await page.emulateMedia({ colorScheme: theme });
        for (const path of [...PAGES, alertLink, `/tree?alert=${alertLink.split("/").at(-1)}`]) {
          await page.goto(`${url}${path}`);
          await settled();
          assert.deepEqual(await seriousFindings(page), [], path);
        }
        await page.keyboard.press("?");
        await page.getByRole("dialog").waitFor();
        assert.deepEqual(await seriousFindings(page), [], "keys");
        await page.keyboard.press("Escape");
      });

    it("has room on a screen that is 360 pixels wide", async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      for (const path of [...PAGES, alertLink, `/tree?alert=${alertLink.split("/").at(-1)}`]) {
        await page.goto(`${url}${path}`);
        await settled();
        const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
        assert.ok(width <= 360, `${path} is ${width} pixels wide`);
      }
      await page.getByRole("button", { name: "Pages" }).click();
      await page.getByRole("link", { name: "Hosts" }).click();
      await page.getByRole("heading", { level: 1, name: "Hosts" }).waitFor();
    });

    it("meets no error of the page itself", () => {
      assert.deepEqual(errors, []);
    });
  });
});
