/** Logging in as people do, in a real browser: through the pages of an identity provider, and by the browser's certificate. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { waitForPort } from "@hosttrail/stack";
import { Provider } from "oidc-provider";
import type { Page } from "playwright-core";
import { eventually, openStack } from "../environment.ts";
import { openBrowser, seriousFindings, whyNoBrowser } from "./browser.ts";

const CLIENT_SECRET = "0123456789abcdef0123456789abcdef";
/** Who logs in at the provider; their groups. */
const GROUPS: Readonly<Record<string, string[]>> = { alice: ["security"], bob: ["sales"] };
/** A client without a secret, as people register programs that can keep none, and one with. */
const CLIENTS = ["public", "confidential"] as const;

describe("logging in with a browser", { skip: whyNoBrowser, timeout: 300_000 }, () => {
  let server: Server;
  let stack: Awaited<ReturnType<typeof openStack>>;

  before(async () => {
    server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bindings = [
      { subject: "certificate:dev", role: "admin" },
      { subject: "oidc-group:security", role: "responder" },
    ];
    stack = await openStack({ collector: { access: { bindings, oidc: { issuer, audience: "hosttrail" } } } });
    const about = {
      redirect_uris: [`${stack.consoleUrl}/login/callback`],
      response_types: ["code" as const],
      grant_types: ["authorization_code"],
    };
    const provider = new Provider(issuer, {
      clients: [
        { client_id: "public", token_endpoint_auth_method: "none", ...about },
        { client_id: "confidential", client_secret: CLIENT_SECRET, ...about },
      ],
      claims: { openid: ["sub", "groups"] },
      conformIdTokenClaims: false,
      // Whoever can keep no secret proves by PKCE that it began the login.
      pkce: { required: () => true },
      findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, groups: GROUPS[id] ?? [] }) }),
    });
    const answer = provider.callback();
    server.on("request", (request, response) => void answer(request, response));
    await stack.startServices();
    useClient("public");
    await stack.startCollector();
  });
  after(async () => {
    await stack?.[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  function useClient(clientId: (typeof CLIENTS)[number]): void {
    const file = join(dirname(stack.profileFile), "client-secret");
    writeFileSync(file, `${CLIENT_SECRET}\n`, { mode: 0o600 });
    const secret = clientId === "public" ? {} : { client_secret_file: file };
    stack.changeCollectorConfig({
      console: { oidc: { client_id: clientId, ...secret, display_name: "Example" }, logins_per_minute: 200 },
    });
  }

  /** The provider's own pages: who somebody is, and that the console may know it. */
  async function passProvider(page: Page, person: string): Promise<void> {
    await page.getByPlaceholder("Enter any login").fill(person);
    await page.getByPlaceholder("and password").fill("whatever: this provider asks for none");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
  }

  for (const client of CLIENTS)
    it(`leads through the pages of an identity provider and back, by a ${client} client`, async () => {
      if (client !== "public") {
        await stack.collector.stop();
        useClient(client);
        stack.collector.start();
        await waitForPort(stack.queryPort, "the collector", () => stack.collector.assertRunning());
      }
      await using browser = await openBrowser();
      const page = await browser.context.newPage();
      await eventually(
        "the console",
        60_000,
        async () => (await page.goto(`${stack.consoleUrl}/hosts`).catch(() => null))?.ok() || undefined,
      );
      await page.getByRole("link", { name: "Continue with Example" }).click();
      await passProvider(page, "alice");
      // It goes on where the link led, and the address has nothing of the login any more.
      await page.getByRole("heading", { level: 1, name: "Hosts" }).waitFor();
      assert.equal(page.url(), `${stack.consoleUrl}/hosts`);
      await page.getByText("oidc:alice").first().waitFor();
      const kept = String(
        await page.evaluate("JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])"),
      );
      assert.doesNotMatch(kept, /eyJ|hosttrail=/, "a token or the session got to the page");
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByLabel("API token").waitFor();
    });

  it("says so where the provider knows somebody and no role is bound, and may be walked by keyboard", async () => {
    await using browser = await openBrowser();
    const page = await browser.context.newPage();
    await page.goto(stack.consoleUrl);
    await page.getByRole("link", { name: "Continue with Example" }).focus();
    assert.deepEqual(await seriousFindings(page), []);
    await page.keyboard.press("Enter");
    await page.getByPlaceholder("Enter any login").focus();
    await page.keyboard.type("bob");
    await page.keyboard.press("Tab");
    await page.keyboard.type("any");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Continue" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("no role is bound to you here").waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });

  it("takes the certificate that a browser has, by mouse and by keyboard, and none where it has none", async () => {
    const { certificateFile: certPath, keyFile: keyPath } = stack.user;
    const origin = new URL(stack.consoleUrl).origin;
    await using browser = await openBrowser({ certificate: { origin, certPath, keyPath } });
    const page = await browser.context.newPage();
    await page.goto(stack.consoleUrl);
    await page.getByRole("button", { name: "Use this browser's certificate" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.getByText("certificate:dev").first().waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("button", { name: "Use this browser's certificate" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await using other = await openBrowser();
    const without = await other.context.newPage();
    await without.goto(stack.consoleUrl);
    await without.getByRole("button", { name: "Use this browser's certificate" }).click();
    await without
      .getByText(/certificate/i)
      .and(without.locator(".is-error"))
      .waitFor();
    assert.equal(await without.getByRole("button", { name: "Log out" }).count(), 0);
  });
});
