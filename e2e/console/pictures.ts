/** Pictures of pages for docs/console.md, made where that is asked for: HOSTTRAIL_SCREENSHOTS=1. */
import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";

const isWanted: boolean = process.env["HOSTTRAIL_SCREENSHOTS"] === "1";
const FOLDER = new URL("../../docs/screenshots/", import.meta.url).pathname;

export async function shoot(page: Page, name: string): Promise<void> {
  if (!isWanted) return;
  mkdirSync(FOLDER, { recursive: true });
  // Words of what was done would lie over what is shown.
  await page.evaluate("document.querySelectorAll('.toast').forEach((toast) => toast.remove())");
  await page.waitForTimeout(400);
  await page.screenshot({ path: `${FOLDER}${name}.png` });
}
