/** Each page's main task in a real browser on a real stack: once by mouse, once by keyboard alone. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { eventually } from "../environment.ts";
import { hostIdOf } from "../publisher.ts";
import { ShippingAgent } from "../shippingagent.ts";
import { logIn, openBrowser, type OpenBrowser, whyNoBrowser } from "./browser.ts";
import { shoot } from "./pictures.ts";
import { INCIDENT, openWorld, type World } from "./world.ts";

const WEB = hostIdOf("web1");
const SOCKET = "203.0.113.9:4444";
const CONNECTION_ALERT = "Interpreter or netcat connects to a port that back doors like";
const AROUND = `from=${INCIDENT.from}&to=${INCIDENT.to}`;

const CHECK = new URL("../../evidence/check.py", import.meta.url).pathname;

describe("the console", { skip: whyNoBrowser }, () => {
  let world: World;
  let browser: OpenBrowser;
  let page: Page;
  let url: string;
  const open = async (path: string): Promise<void> => void (await page.goto(`${url}${path}`));
  const heading = async (name: string | RegExp): Promise<void> =>
    await page.getByRole("heading", { level: 1, name }).waitFor();

  before(async () => {
    world = await openWorld();
    browser = await openBrowser();
    page = await browser.context.newPage();
    url = world.stack.consoleUrl;
  });
  after(async () => {
    await (browser as OpenBrowser | undefined)?.[Symbol.asyncDispose]();
    await (world as World | undefined)?.[Symbol.asyncDispose]();
  });

  describe("login", () => {
    it("says what is wrong with a token, and lets in by a right one", async () => {
      await open("/hosts");
      await page.getByLabel("API token").waitFor();
      await page.getByLabel("API token").fill("no-such-token");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByText("this is no API token").waitFor();
      await page.getByLabel("API token").fill(world.tokens.viewer);
      await page.keyboard.press("Enter");
      // It goes on where the link led.
      await heading("Hosts");
    });

    it("ends with a logout, on the server as well", async () => {
      const cookies = await browser.context.cookies();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("API token").waitFor();
      await browser.context.addCookies(cookies);
      await open("/hosts");
      await page.getByLabel("API token").waitFor();
    });

    it("takes a one-time link once, says whom it lets in, and leaves its code nowhere", async () => {
      const link = world.stack.hosttrail("console").trim();
      await page.goto(link);
      await page.getByText("You are logged in as certificate:dev").waitFor();
      await heading("Overview");
      assert.ok(!page.url().includes("#"));
      await page.goBack().catch(() => undefined);
      assert.ok(!page.url().includes("#"));
      await page.goto(url);
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("API token").waitFor();
      await page.goto("about:blank");
      await page.goto(link);
      await page.getByRole("alert").waitFor();
    });

    it("takes a token by keyboard alone", async () => {
      await logIn(page, url, world.tokens.admin);
      await heading("Overview");
    });
  });

  describe("overview", () => {
    it("leads by mouse to what it counts", async () => {
      await open("/");
      await page.getByText("Nothing known to be lost").waitFor();
      await shoot(page, "overview");
      await page.getByRole("link", { name: /^high/ }).click();
      await heading("Alerts");
      assert.match(page.url(), /severity=high/);
      await page.getByRole("link", { name: "Shell started by find" }).waitFor();
    });

    it("leads by keyboard anywhere: by two letters, and by the palette", async () => {
      await open("/");
      await heading("Overview");
      await page.keyboard.press("g");
      await page.keyboard.press("h");
      await heading("Hosts");
      await page.locator("h1:focus").waitFor();
      await page.keyboard.press("Control+k");
      await page.keyboard.type("web1");
      await page.getByRole("option", { name: /web1 host/ }).waitFor();
      await page.keyboard.press("Enter");
      await heading("web1");
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    });
  });

  describe("alerts", () => {
    it("are folded by rule, chosen and acknowledged together by mouse", async () => {
      await open("/alerts");
      await page.getByRole("button", { name: "Successful login" }).click();
      await page.getByRole("list", { name: "Successful login" }).waitFor();
      await shoot(page, "alerts");
      await page.getByRole("checkbox", { name: "Choose all of Successful login" }).check();
      await page.getByText("3 alerts chosen").waitFor();
      await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
      await page.getByText("3 alerts acknowledged").waitFor();
      await page.getByText("none open").waitFor();
    });

    it("are walked, chosen and closed with a reason by keyboard", async () => {
      await open("/alerts?fold=no&severity=high");
      const list = page.getByRole("list", { name: "Alerts", exact: true });
      await list.getByText("Shell started by find").waitFor();
      await list.focus();
      const before = await list.getByRole("listitem").count();
      await page.keyboard.press("j");
      await page.keyboard.press("x");
      await page.keyboard.press("j");
      await page.keyboard.press("x");
      await page.getByText("2 alerts chosen").waitFor();
      await page.keyboard.press("e");
      await page.getByRole("dialog", { name: "Close 2 alerts" }).waitFor();
      await page.keyboard.press("Space");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByText("2 alerts closed").waitFor();
      await eventually(
        "two alerts going",
        5000,
        async () => (await list.getByRole("listitem").count()) === before - 2 || undefined,
      );
    });

    it("change as others work on them, without a reload", async () => {
      await open("/alerts?state=open&fold=no");
      const link = page.getByRole("link", { name: "Download into a folder for temporary files" });
      await link.first().waitFor();
      await page.getByText("Live").waitFor();
      const id = (await link.first().getAttribute("href"))?.split("/").at(-1) ?? "";
      const count = await link.count();
      world.stack.hosttrail("alert", "close", id, "--reason", "benign");
      await eventually("the alert going", 10_000, async () => (await link.count()) === count - 1 || undefined);
    });
  });

  describe("an alert", () => {
    it("leads in three clicks from its link to the socket that it is about", async () => {
      await open("/alerts");
      await page.getByRole("link", { name: CONNECTION_ALERT }).click();
      await heading(CONNECTION_ALERT);
      await page.getByRole("row", { name: new RegExp(SOCKET) }).waitFor();
      await shoot(page, "alert");
      await page.getByRole("link", { name: "Process tree", exact: true }).click();
      await page.getByRole("treegrid").waitFor();
      await page.getByRole("row", { name: new RegExp(`connected-to ${SOCKET}`) }).waitFor();
      await shoot(page, "tree");
      await page.getByRole("link", { name: SOCKET }).click();
      const event = page.getByRole("complementary", { name: "Event" });
      await event.getByText(SOCKET).first().waitFor();
      await shoot(page, "socket");
    });

    it("gets a note and an assignee, and is closed, by mouse", async () => {
      await open("/alerts?state=all");
      await page.getByRole("link", { name: "Sudoers written without visudo" }).click();
      await page.getByLabel("Note").fill("The deploy key was stolen.\nSee case 7.");
      await page.getByRole("button", { name: "Add note" }).click();
      await page.getByText("See case 7.").last().waitFor();
      await page.getByRole("button", { name: "Assign to me" }).click();
      await page.getByText(/assigned to/).waitFor();
      await page.getByRole("button", { name: "Close…" }).click();
      await page.getByLabel(/^True positive/).check();
      await page.getByRole("button", { name: "Close 1 alert" }).click();
      await page.getByText("closed · true positive").waitFor();
    });

    it("gets an exception by keyboard, after a look at what it would have hidden", async () => {
      await open("/alerts?state=all");
      const link = page.getByRole("link", { name: CONNECTION_ALERT });
      await link.focus();
      await page.keyboard.press("Enter");
      const button = page.getByRole("button", { name: "Exception…" });
      await button.focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog", { name: "Exception" }).waitFor();
      await page.getByLabel("Reason").focus();
      await page.keyboard.type("a test of ours");
      await page.getByRole("button", { name: "What would it hide?" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText(/it would have hidden/).waitFor();
      await page.getByRole("button", { name: "Make exception" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("Exception made").waitFor();
      assert.match(world.stack.hosttrail("suppression", "list"), /a test of ours/);
    });
  });

  describe("search", () => {
    it("is narrowed by the histogram, a facet and a field by mouse", async () => {
      await open(`/search?${AROUND}`);
      await page.getByText("3,070 events", { exact: true }).waitFor();
      await page.getByRole("button", { name: "curl", exact: true }).waitFor();
      await shoot(page, "search");
      const plot = await page.getByRole("slider").boundingBox();
      assert.ok(plot !== null);
      await page.mouse.move(plot.x + plot.width * 0.36, plot.y + 20);
      await page.mouse.down();
      await page.mouse.move(plot.x + plot.width * 0.42, plot.y + 20, { steps: 4 });
      await page.mouse.up();
      await eventually("a narrower time", 5000, async () => /from=2026-11-24T03/.test(page.url()) || undefined);
      await page.getByRole("button", { name: "curl", exact: true }).click();
      await eventually(
        "a filter",
        5000,
        async () => new URL(page.url()).searchParams.get("q") === "process.name = curl" || undefined,
      );
      await page.getByRole("row").nth(2).click();
      await page.getByRole("complementary", { name: "Event" }).getByText("Records of the kernel").waitFor();
      await page.getByRole("button", { name: /^Only event.action/ }).click();
      await eventually(
        "two conditions",
        5000,
        async () => /AND/.test(new URL(page.url()).searchParams.get("q") ?? "") || undefined,
      );
    });

    it("is typed with completion of fields and stored values, and told where it is wrong", async () => {
      await open(`/search?${AROUND}`);
      await page.getByText("3,070 events", { exact: true }).waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("process.na");
      await page.getByRole("option", { name: "process.name any text", exact: true }).waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.keyboard.type("= cur");
      // A value that is stored, and how often.
      const value = page.getByRole("option", { name: /^curl [\d,]+$/ });
      await eventually("the stored value", 60_000, async () => {
        // On a busy machine values are not counted in time: whoever goes on typing asks again.
        const isOffered = await value.waitFor({ timeout: 5000 }).then(
          () => true,
          () => false,
        );
        if (isOffered) return true;
        await page.keyboard.press("Escape");
        await page.keyboard.press("Backspace");
        await page.keyboard.type("r");
        return undefined;
      });
      await shoot(page, "completion");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
      await page.getByText("800 events", { exact: true }).waitFor();
      await page.keyboard.type("AND event.outcme = failure");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
      const error = page.getByRole("alert");
      await error.getByText(/unknown field "event.outcme"/).waitFor();
      const caret = (await error.locator(".filter-caret").textContent()) ?? "";
      assert.equal(caret.indexOf("▲"), "process.name = curl AND ".length);
    });

    it("has a table of any length, walked by keys to its end, and every event of it opens", async () => {
      await open(`/search?${AROUND}`);
      await page.getByText("3,070 events", { exact: true }).waitFor();
      const grid = page.getByRole("grid", { name: "Events" });
      await grid.focus();
      assert.equal(await grid.getAttribute("aria-rowcount"), "3071");
      await eventually("the last row", 30_000, async () => {
        await page.keyboard.press("End");
        return (await grid.getAttribute("aria-activedescendant")) === "row-3069" || undefined;
      });
      // Of three thousand rows only those that are seen are in the page.
      assert.ok((await grid.getByRole("row").count()) < 80);
      await page.locator("#row-3069 time").waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("complementary", { name: "Event" }).getByText("Records of the kernel").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("complementary", { name: "Event" }).waitFor({ state: "detached" });
      await page
        .getByText(/^Complete:/)
        .first()
        .waitFor();
    });

    it("is narrowed in time by keyboard", async () => {
      await open(`/search?${AROUND}`);
      await page.getByText("3,070 events", { exact: true }).waitFor();
      await page.getByRole("slider").focus();
      await page.keyboard.press("End");
      await page.keyboard.press("Shift+ArrowLeft");
      await page.keyboard.press("Enter");
      await eventually("a narrower time", 5000, async () => /from=2026-11-24T04/.test(page.url()) || undefined);
      await page.getByText("No event matches").waitFor();
    });

    it("is saved for others, and found by the palette", async () => {
      await open("/search?q=process.name+%3D+wget&from=30d");
      await page.getByRole("button", { name: "Save…" }).click();
      await page.getByLabel("Name").fill("downloads");
      await page.getByLabel("What it answers").fill("What wget fetched");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByText("Saved as downloads").waitFor();
      await open("/");
      await heading("Overview");
      await page.keyboard.press("Control+k");
      await page.keyboard.type("downlo");
      await page.getByRole("option", { name: /downloads/ }).waitFor();
      await page.keyboard.press("Enter");
      await heading("Search");
      assert.equal(await page.getByLabel("Filter", { exact: true }).inputValue(), "process.name = wget");
    });
  });

  describe("a host", () => {
    it("tells who it is, what happened, and what differs, by mouse", async () => {
      await open("/hosts");
      await page.getByRole("link", { name: "web1" }).click();
      await page.getByLabel("Moment (UTC)").fill("2026-11-18 12:00");
      await page.getByRole("button", { name: "Look" }).click();
      await page.getByText("boot-web1-1").waitFor();
      await page.getByRole("link", { name: "Then and now" }).click();
      await page.getByLabel("Then (UTC)", { exact: true }).fill("2026-11-19");
      await page.getByLabel("And then (UTC)").fill("2026-11-24 04:00");
      await page.getByRole("button", { name: "Compare" }).click();
      await page.getByRole("row", { name: /host.os.kernel 6.1.0-40-amd64 6.1.0-41-amd64/ }).waitFor();
      await page.getByRole("row", { name: /deleted \/var\/log\/auth.log/ }).waitFor();
      await shoot(page, "diff");
    });

    it("has a timeline whose kinds are chosen by keyboard", async () => {
      await open(`/hosts/${WEB}?tab=timeline&from=2026-11-24T03:11:00Z&to=2026-11-24T03:14:00Z`);
      await page.getByText(/^Complete:/).waitFor();
      const kind = page.getByRole("button", { name: "connection", exact: true });
      await kind.focus();
      await page.keyboard.press("Space");
      await page.getByText(/connected to 203\.0\.113\.9:4444/).waitFor();
      assert.match(page.url(), /kinds=CONNECTION/);
      await page
        .getByText(/root ran chmod/)
        .first()
        .waitFor({ state: "detached" });
    });
  });

  describe("the process tree", () => {
    it("is walked as a treegrid", async () => {
      await open(`/search?${AROUND}&q=destination.port+%3D+4444`);
      await page.getByRole("grid").focus();
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      const link = page.getByRole("complementary", { name: "Event" }).getByRole("link", { name: "Process tree" });
      await link.focus();
      await page.keyboard.press("Enter");
      const grid = page.getByRole("treegrid");
      await grid.waitFor();
      await grid.locator('tr[tabindex="0"]').focus();
      const focused = async (attributes: string): Promise<void> =>
        await page.locator(`tr:focus${attributes}`).waitFor();
      await focused('[aria-current="true"]');
      const level = Number(await page.locator("tr:focus").getAttribute("aria-level"));
      await page.keyboard.press("ArrowRight");
      await focused(`[aria-level="${level + 1}"]`);
      await page.keyboard.press("ArrowLeft");
      await focused('[aria-current="true"][aria-expanded="true"]');
      const rows = await grid.getByRole("row").count();
      await page.keyboard.press("ArrowLeft");
      await focused('[aria-current="true"][aria-expanded="false"]');
      assert.ok((await grid.getByRole("row").count()) < rows);
      await page.keyboard.press("Home");
      await focused('[aria-level="1"]');
    });
  });

  describe("rules", () => {
    it("say how they are written, and are tried on history, by mouse", async () => {
      await open("/rules");
      await page.getByLabel(/^Part of a title/).fill("Shell started by find");
      await page.getByRole("link", { name: "Shell started by find" }).click();
      await page.getByText("name: find_runs_shell").waitFor();
      await page.getByRole("button", { name: /last 7d/ }).click();
      await page.getByRole("button", { name: "last 30d" }).click();
      await page.getByRole("button", { name: "Try it", exact: true }).click();
      await page.getByText(/; done$/).waitFor();
      await page.getByRole("row", { name: /2026-11-24/ }).waitFor();
      await shoot(page, "rules");
    });

    it("say on which hosts they cannot fire, and the audit rule that is missing there, by mouse", async () => {
      await open("/rules?show=mute&name=Shell+started+by+find");
      const row = page.getByRole("row", { name: /Shell started by find/ });
      await row.getByText("on 1 of 2").waitFor();
      await row.getByRole("link").first().click();
      await page.getByText("no audit rule is about execve, execveat").waitFor();
      await page.getByText(/^-a always,exit -F arch=b64 -S execve,execveat /).waitFor();
      await page
        .getByRole("link", { name: hostIdOf("db1").slice(0, 8) })
        .first()
        .click();
      await heading("db1");
      await page.getByRole("link", { name: "Rules there" }).click();
      await page.getByText("by the audit rules of").waitFor();
      await page.getByRole("button", { name: "mute" }).click();
      await page
        .getByRole("row", { name: /Shell started by find/ })
        .getByText("cannot fire")
        .waitFor();
    });

    it("say of one host that they fire there, by keyboard", async () => {
      await open(`/rules?host=${WEB}&name=Shell+started+by+find`);
      const row = page.getByRole("row", { name: /Shell started by find/ });
      await row.getByText("fires here").waitFor();
      await row.getByRole("link").first().focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Where it can fire" }).waitFor();
      await page.getByText(/by \d+ audit rules that it told/).waitFor();
    });

    it("are turned off and on by keyboard", async () => {
      await open("/rules?show=running&name=udev");
      await page.getByRole("link", { name: "Rule of udev written" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Turn it off" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Let it run" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("button", { name: "Turn it off" }).waitFor();
    });
  });

  describe("verification", () => {
    it("says of each host what can be said, by keyboard", async () => {
      await open("/verify?from=all");
      await page.getByRole("button", { name: "Verify", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("row", { name: /web1/ }).first().waitFor();
      await page.getByText("4 hosts").waitFor();
    });
  });

  describe("evidence", () => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-evidence-"));
    let sealing: ShippingAgent;
    /** What an auditor sees of a file: without us, by python3 and openssl alone. */
    const audited = (file: string): string => {
      const words = [CHECK, file, "--authority", join(world.stack.authority, "trust.crt")];
      const { stdout, stderr } = spawnSync("python3", words, { encoding: "utf8" });
      return stdout + stderr;
    };
    before(async () => {
      // Its blocks came with a certificate, as those of real hosts.
      sealing = await ShippingAgent.open(world.stack, [`localhost:${world.stack.ingestPort}`]);
      sealing.start(50);
      await eventually("some blocks being stored", 30_000, async () => sealing.stored > 20 || undefined);
      sealing.quieten();
      await eventually("all blocks being stored", 30_000, async () => sealing.unstored === 0 || undefined);
    });
    after(async () => {
      await sealing?.close();
      rmSync(folder, { recursive: true });
    });

    it("is exported for an auditor, who checks it without the collector, by mouse", async () => {
      await open(`/hosts/${sealing.hostId}`);
      // The menu has a link of this name as well.
      await page.getByRole("main").getByRole("link", { name: "Verify", exact: true }).click();
      await page.getByText(`--host ${sealing.hostId}`).waitFor();
      const downloading = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export evidence" }).click();
      const download = await downloading;
      assert.match(download.suggestedFilename(), /^evidence-[0-9a-f]{8}\.tar$/);
      await download.saveAs(join(folder, "browser.tar"));
      await page.getByText(/^\d+ blocks, .*; the collector itself says: \w+/).waitFor();
      const answer = audited(join(folder, "browser.tar"));
      assert.match(
        answer,
        new RegExp(`^verified\\nhost ${sealing.hostId}: [1-9]\\d* blocks with [1-9]\\d* events are as`),
      );
      // One that is changed in between is found.
      const changed = readFileSync(join(folder, "browser.tar"));
      const at = changed.indexOf('"columns":"') + '"columns":"'.length + 8;
      changed[at] = changed[at] === 0x41 ? 0x42 : 0x41;
      writeFileSync(join(folder, "changed.tar"), changed);
      assert.match(audited(join(folder, "changed.tar")), /^altered\n/);
    });

    it("is exported by keyboard as the command line exports it, and is of a host alone", async () => {
      await open("/verify?from=all");
      await page.getByText("Evidence is of one host").waitFor();
      assert.equal(await page.getByRole("button", { name: "Export evidence" }).count(), 0);
      await open(`/verify?from=all&host=${sealing.hostId}`);
      await page.getByRole("button", { name: "Export evidence" }).focus();
      const downloading = page.waitForEvent("download");
      await page.keyboard.press("Enter");
      await (await downloading).saveAs(join(folder, "keys.tar"));
      const line = join(folder, "line.tar");
      world.stack.hosttrail("evidence", "export", "--host", sealing.hostId, "--output", line);
      assert.equal(audited(join(folder, "keys.tar")), audited(line));
      const blocksOf = (file: string): string =>
        execFileSync("tar", ["--extract", "--to-stdout", "--wildcards", "--file", file, "*blocks.jsonl"], {
          encoding: "utf8",
        });
      assert.equal(blocksOf(join(folder, "keys.tar")), blocksOf(line));
    });
  });

  describe("access", () => {
    it("makes a token, shows it once, and ends it, by mouse", async () => {
      await open("/access?tab=tokens");
      await page.getByRole("button", { name: "New token…" }).click();
      await page.getByLabel("What it is for").fill("dashboards");
      await page.getByLabel("Only hosts with these labels").fill("env=prod");
      await page.getByRole("button", { name: "Make it" }).click();
      await page.getByText("It is shown here once, and nowhere again.").waitFor();
      await page.getByRole("button", { name: "Done" }).click();
      const row = page.getByRole("row", { name: /dashboards/ });
      await row.getByText("env=prod").waitFor();
      await row.getByRole("button", { name: "End dashboards", exact: true }).click();
      await row.getByRole("button", { name: "Really end dashboards" }).click();
      await row.waitFor({ state: "detached" });
    });

    it("has the record of calls, the console's among them", async () => {
      await open("/access?tab=calls");
      await page.getByRole("cell", { name: "AccessService/CreateApiToken" }).first().waitFor();
      const logins = page.getByRole("cell", { name: "/console/Login" });
      const older = page.getByRole("button", { name: "Older calls" });
      for (;;) {
        // The last page has no older one, and is not there at once.
        await older.or(logins).first().waitFor();
        if ((await logins.count()) > 0) break;
        await older.click({ timeout: 1000 }).catch(() => undefined);
      }
    });
  });

  describe("the rollout", () => {
    it("tells which spec each host has, and how soon events and alerts came, by mouse", async () => {
      await open("/rollout");
      const row = page.getByRole("row", { name: /^web1 / });
      await row.getByText("example@2").waitFor();
      assert.match((await row.textContent()) ?? "", /\d (ms|s|min|h|d).*\d (ms|s|min|h|d)/);
      await page.getByText(/^The median of 3 hosts that enrolled: \d/).waitFor();
      await page.getByRole("row", { name: /ci7/ }).getByText("not told").waitFor();
      await page.getByRole("link", { name: "example@1" }).click();
      await heading("Hosts");
      await page.getByRole("link", { name: "db1" }).waitFor();
      assert.equal(await page.getByRole("link", { name: "web1" }).count(), 0);
    });

    it("leads from a version to its hosts by keyboard", async () => {
      await open("/rollout");
      await page.getByRole("link", { name: "0.9.2" }).focus();
      await page.keyboard.press("Enter");
      await heading("Hosts");
      await page.getByRole("link", { name: "ci7" }).waitFor();
      assert.equal(await page.getByRole("link", { name: "web1" }).count(), 0);
    });
  });

  describe("coverage", () => {
    it("leads from a state to its machines, why each is in it, and what to do, by mouse", async () => {
      await open("/coverage");
      await page.getByText("50.0 %").waitFor();
      await page
        .getByRole("row", { name: /^444455556666 us-east-1 / })
        .getByText(/UnauthorizedOperation/)
        .waitFor();
      await page.getByRole("link", { name: "never-enrolled" }).click();
      const row = page.getByRole("row", { name: /i-0000000000000evil/ });
      await row
        .getByText(/no agent/)
        .first()
        .waitFor();
      await row.getByText(String.raw`<img src=x onerror="window.planted=1">\u{202e}evil`).waitFor();
      await page.getByRole("row", { name: /i-0000000000000web1/ }).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Show all" }).click();
      await page
        .getByRole("row", { name: /i-0000000000000lab1/ })
        .getByText(/no data of customers \(sam, until/)
        .waitFor();
    });

    it("leads from a region to its machines, and to the host that one is, by keyboard", async () => {
      await open("/coverage?by=region");
      await page.getByRole("link", { name: "eu-central-1" }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("row", { name: /i-0000000000000lab1/ }).waitFor({ state: "detached" });
      await page
        .getByRole("row", { name: /i-0000000000000web1/ })
        .getByRole("link", { name: "web1" })
        .focus();
      await page.keyboard.press("Enter");
      await heading("web1");
    });
  });

  describe("cost", () => {
    it("tells what the fleet and each host take, by mouse", async () => {
      await open("/cost");
      await page.getByRole("row", { name: /^2026-11-24 / }).waitFor();
      const row = page.getByRole("row", { name: /^web1 / });
      assert.match((await row.textContent()) ?? "", /\d (KiB|B|MiB)/);
      await row.getByRole("link", { name: "web1" }).click();
      await heading("web1");
    });

    it("leads from a program that makes much to its events, by keyboard", async () => {
      await open("/cost");
      const programs = page.getByRole("region", { name: "Programs, last day" }).first();
      await programs.getByRole("link").first().focus();
      await page.keyboard.press("Enter");
      await heading("Search");
      await page
        .getByText(/^\d+ events?$/)
        .first()
        .waitFor();
    });
  });
});
